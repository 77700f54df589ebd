import { addressAlgebra, maxOf, prefixesOfRange, rangeOfPrefix, type Family } from '../address.js';
import { repaintPrefixes } from '../first-match.js';
import { IntervalAlgebra, type Interval } from '../interval.js';
import type { Abilities } from './abilities.js';

/** What the lines of one layer do to addresses, below those of the layers above. */
export interface Stroke {
  readonly action: 'permit' | 'deny';
  /** Null: all addresses. */
  readonly addresses: readonly Interval<bigint>[] | null;
}

type Ranges = readonly Interval<bigint>[];
type Operation = 'union' | 'intersect' | 'subtract';

/** Numbers stay below this, so that two of them make one exact number. */
export const mostSets = 2 ** 26;

/**
 * The address sets of one family under small numbers, so that equal sets are one number, and each is combined, and its
 * shortest list found, once: the same few servers stand in hundreds of ACLs. Grows until it is dropped with its compile.
 */
export class AddressTable {
  readonly none = 0;
  readonly all = 1;
  /** By number; IPv4 as plain numbers, which count much faster, and as addresses once asked for. */
  private readonly lists: (Ranges | undefined)[] = [];
  private readonly narrow: (readonly Interval<number>[])[] = [];
  private readonly byText = new Map<string, number>();
  private readonly byObject = new WeakMap<Ranges, number>();
  private readonly combined: Record<Operation, Map<number, number>> = {
    union: new Map(),
    intersect: new Map(),
    subtract: new Map(),
  };
  private readonly unions = new Map<string, number>();
  private readonly repainted = new Map<number, readonly Stroke[] | null>();

  constructor(
    readonly family: Family,
    private readonly abilities: Pick<Abilities, 'addresses' | 'denies'>,
  ) {
    this.number([]);
    this.number([{ first: 0n, last: maxOf(family) }]);
  }

  /** Of a canonical list. */
  number(list: Ranges): number {
    if (list.length === 0 && this.lists.length > 0) return this.none;
    const before = this.byObject.get(list);
    if (before !== undefined) return before;
    const found =
      this.family === 4
        ? this.numberOfNarrow(list.map(({ first, last }) => ({ first: Number(first), last: Number(last) })))
        : this.place(list.map(({ first, last }) => `${first.toString(16)}-${last.toString(16)}`).join());
    this.lists[found] ??= list;
    this.byObject.set(list, found);
    return found;
  }

  list(set: number): Ranges {
    const known = this.lists[set];
    if (known) return known;
    const list = this.narrow[set]!.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
    this.lists[set] = list;
    this.byObject.set(list, set);
    return list;
  }

  union(a: number, b: number): number {
    if (a === b || b === this.none || a === this.all) return a;
    if (a === this.none || b === this.all) return b;
    return a < b ? this.combine('union', a, b) : this.combine('union', b, a);
  }

  /** Of any number of sets at once: what stands between two of them would be remembered for nothing. */
  unionOf(sets: readonly number[]): number {
    if (sets.length <= 2) return this.union(sets[0] ?? this.none, sets[1] ?? this.none);
    const key = sets.join();
    let made = this.unions.get(key);
    if (made === undefined) {
      made =
        this.family === 4
          ? this.numberOfNarrow(narrowAlgebra.normalize(sets.flatMap((set) => [...this.narrow[set]!])))
          : this.number(addressAlgebra.normalize(sets.flatMap((set) => [...this.list(set)])));
      this.unions.set(key, made);
    }
    return made;
  }

  intersect(a: number, b: number): number {
    if (a === b || a === this.none || b === this.all) return a;
    if (b === this.none || a === this.all) return b;
    return a < b ? this.combine('intersect', a, b) : this.combine('intersect', b, a);
  }

  subtract(a: number, b: number): number {
    if (a === b || a === this.none || b === this.all) return this.none;
    return b === this.none ? a : this.combine('subtract', a, b);
  }

  isSubset(a: number, b: number): boolean {
    return this.subtract(a, b) === this.none;
  }

  /** The strokes above a list that permits `before` after which `after` is permitted; null where that needs a deny. */
  repaint(before: number, after: number, denies = this.abilities.denies): readonly Stroke[] | null {
    const key = (before * mostSets + after) * 2 + (denies ? 1 : 0);
    let strokes = this.repainted.get(key);
    if (strokes === undefined) {
      strokes = this.strokes(before, after, denies);
      this.repainted.set(key, strokes);
    }
    return strokes;
  }

  private strokes(before: number, after: number, denies: boolean): readonly Stroke[] | null {
    if (before === after) return [];
    const opened = this.list(this.subtract(after, before));
    if (!denies && !this.isSubset(before, after)) return null;
    const { addresses } = this.abilities;
    if (addresses === 'set') {
      const closed = this.list(this.subtract(before, after));
      return [this.stroke('permit', opened), this.stroke('deny', closed)].filter((one) => one.addresses?.length !== 0);
    }
    if (addresses === 'range') {
      const runs = denies
        ? alternations(this.list(before), this.list(after))
        : opened.map((range): Run => ({ action: 'permit', range }));
      return runs.map(({ action, range }) => this.stroke(action, [range]));
    }
    if (!denies) return this.shortestPermits(before, after);
    return repaintPrefixes(this.family, this.list(before), this.list(after)).map(({ action, prefix }) =>
      this.stroke(action, [rangeOfPrefix(prefix)]),
    );
  }

  /** Prefixes within `after` that hold something not permitted yet. */
  private shortestPermits(before: number, after: number): readonly Stroke[] {
    const known = this.list(before);
    const prefixes = this.list(after).flatMap((range) => prefixesOfRange({ family: this.family, ...range }));
    const ranges = prefixes.map((prefix) => rangeOfPrefix(prefix)).map(({ first, last }) => ({ first, last }));
    return ranges
      .filter((range) => !addressAlgebra.isSubset([range], known))
      .map((range) => this.stroke('permit', [range]));
  }

  private stroke(action: Stroke['action'], ranges: Ranges): Stroke {
    const [only] = ranges;
    const isAll = ranges.length === 1 && only!.first === 0n && only!.last === maxOf(this.family);
    if (isAll) return { action, addresses: null };
    // Equal addresses are one object, so that whoever compares lines need not read them.
    return { action, addresses: this.list(this.number(ranges.map(({ first, last }) => ({ first, last })))) };
  }

  private combine(operation: Operation, a: number, b: number): number {
    const known = this.combined[operation];
    const key = a * mostSets + b;
    let made = known.get(key);
    if (made === undefined) {
      made =
        this.family === 4
          ? this.numberOfNarrow(narrowAlgebra[operation](this.narrow[a]!, this.narrow[b]!))
          : this.number(addressAlgebra[operation](this.list(a), this.list(b)));
      known.set(key, made);
    }
    return made;
  }

  private numberOfNarrow(list: readonly Interval<number>[]): number {
    if (list.length === 0 && this.lists.length > 0) return this.none;
    const found = this.place(list.map(({ first, last }) => `${first}-${last}`).join());
    this.narrow[found] ??= list;
    return found;
  }

  private place(text: string): number {
    const before = this.byText.get(text);
    if (before !== undefined) return before;
    const found = this.lists.length;
    if (found === mostSets) throw new RangeError(`more than ${mostSets} sets of addresses`);
    this.lists.push(undefined);
    this.byText.set(text, found);
    return found;
  }
}

const narrowAlgebra = new IntervalAlgebra<number>(1);

interface Run {
  readonly action: Stroke['action'];
  readonly range: Interval<bigint>;
}

/**
 * Ranges that turn `before` into `after`. Where opened and closed ranges touch, one range covers the run and those of the
 * other action lie above it.
 */
function alternations(before: Ranges, after: Ranges): Run[] {
  const opened = addressAlgebra.subtract(after, before);
  const closed = addressAlgebra.subtract(before, after);
  return addressAlgebra.union(opened, closed).flatMap((range): Run[] => {
    const inside = (action: Stroke['action'], list: Ranges): Run[] =>
      addressAlgebra.intersect(list, [range]).map((part) => ({ action, range: part }));
    const permits = inside('permit', opened);
    const denies = inside('deny', closed);
    const [above, action] = permits.length <= denies.length ? [permits, 'deny' as const] : [denies, 'permit' as const];
    return [...above, { action, range }];
  });
}
