import { NumberListMap } from '#base';
import { addressAlgebra, maxOf, prefixesOfRange, rangeOfPrefix, type Family, type Prefix } from '../address.js';
import { repaintPrefixes } from '../first-match.js';
import { IntervalAlgebra, textOfIntervals, type Interval } from '../interval.js';
import { joinedCells } from '../sweep.js';
import type { Abilities } from './abilities.js';

/** What the lines of one layer do to addresses, below those of the layers above. */
export interface Stroke {
  readonly action: 'permit' | 'deny';
  /** Number of the set of addresses. */
  readonly set: number;
  /** Null: all addresses. */
  readonly addresses: readonly Interval<bigint>[] | null;
}

type Ranges = readonly Interval<bigint>[];
type Operation = 'union' | 'intersect' | 'subtract';

/** Numbers stay below this, so that two of them make one exact number. */
export const mostSets = 2 ** 26;

/** Unions of many sets that are remembered: classes that stand together have most of theirs in common. */
const mostUnions = 10_000;

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
  /** By number: the outermost addresses, to tell at once that two sets have nothing in common. */
  private readonly lowest: number[] = [];
  private readonly highest: number[] = [];
  private readonly byText = new Map<string, number>();
  private readonly byObject = new Map<Ranges, number>();
  private readonly combined: Record<Operation, Map<number, number>> = {
    union: new Map(),
    intersect: new Map(),
    subtract: new Map(),
  };
  private readonly unions = new NumberListMap<number>(mostUnions);
  private readonly repainted = new Map<number, readonly Stroke[] | null>();
  private readonly denied = new Map<number, readonly Stroke[]>();
  /** By set: strokes on nothing, with denies and without. */
  private readonly painted: (readonly Stroke[] | null)[] = [];
  private readonly permitted: (readonly Stroke[] | null)[] = [];
  /** By set and action: equal strokes are one object. */
  private readonly single = new Map<number, Stroke>();
  /** IPv4 prefixes, by address and length. */
  private readonly prefixes = new Map<number, number>();

  constructor(
    readonly family: Family,
    private readonly abilities: Pick<Abilities, 'addresses' | 'denies'>,
  ) {
    this.number([]);
    this.number([{ first: 0n, last: maxOf(family) }]);
  }

  /** Of a canonical list that stays: it is known again by identity. */
  number(list: Ranges): number {
    const before = this.byObject.get(list);
    if (before !== undefined) return before;
    const found = this.numberOfNew(list);
    this.byObject.set(list, found);
    return found;
  }

  /** Of a canonical list that nobody has seen. */
  private numberOfNew(list: Ranges): number {
    if (list.length === 0 && this.lists.length > 0) return this.none;
    const found =
      this.family === 4
        ? this.numberOfNarrow(list.map(({ first, last }) => ({ first: Number(first), last: Number(last) })))
        : this.place(list.map(({ first, last }) => `${first.toString(16)}-${last.toString(16)}`).join());
    this.lists[found] ??= list;
    this.bound(found, list);
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

  /** Of any number of sets at once, given as a list that stays as it is: what stands between two of them would be remembered for nothing. */
  unionOf(sets: readonly number[]): number {
    if (sets.length <= 2) return this.union(sets[0] ?? this.none, sets[1] ?? this.none);
    return this.unions.getOrAdd(sets, () =>
      this.family === 4
        ? this.numberOfNarrow(narrowAlgebra.normalize(sets.flatMap((set) => [...this.narrow[set]!])))
        : this.numberOfNew(addressAlgebra.normalize(sets.flatMap((set) => [...this.list(set)]))),
    );
  }

  intersect(a: number, b: number): number {
    if (a === b || a === this.none || b === this.all) return a;
    if (b === this.none || a === this.all) return b;
    if (this.isBeside(a, b)) return this.none;
    return a < b ? this.combine('intersect', a, b) : this.combine('intersect', b, a);
  }

  subtract(a: number, b: number): number {
    if (a === b || a === this.none || b === this.all) return this.none;
    return b === this.none || this.isBeside(a, b) ? a : this.combine('subtract', a, b);
  }

  /** Whether some address is in both. */
  touches(a: number, b: number): boolean {
    return this.intersect(a, b) !== this.none;
  }

  /**
   * The largest sets that none of some sets tells apart, each with the places in the list of those that hold it; what is in
   * none of them is left out.
   */
  atoms(sets: readonly number[]): { readonly set: number; readonly holders: readonly number[] }[] {
    if (this.family === 4) {
      const cells = joinedCells(
        sets.map((set) => this.narrow[set]!),
        1,
      );
      return cells.map(({ parts, members }) => ({ set: this.numberOfNarrow(parts), holders: members }));
    }
    const cells = joinedCells(
      sets.map((set) => this.list(set)),
      1n,
    );
    return cells.map(({ parts, members }) => ({ set: this.numberOfNew(parts), holders: members }));
  }

  /** True only if no address is in both. IPv6 addresses are rounded, which keeps their order. */
  private isBeside(a: number, b: number): boolean {
    return this.highest[a]! < this.lowest[b]! || this.highest[b]! < this.lowest[a]!;
  }

  isSubset(a: number, b: number): boolean {
    return this.subtract(a, b) === this.none;
  }

  /** The strokes above a list that permits `before` after which `after` is permitted; null where that needs a deny. */
  repaint(before: number, after: number, denies = this.abilities.denies): readonly Stroke[] | null {
    if (before === this.none) {
      const known = denies ? this.painted : this.permitted;
      return (known[after] ??= this.strokes(before, after, denies))!;
    }
    const key = (before * mostSets + after) * 2 + (denies ? 1 : 0);
    let strokes = this.repainted.get(key);
    if (strokes === undefined) {
      strokes = this.strokes(before, after, denies);
      this.repainted.set(key, strokes);
    }
    return strokes;
  }

  /** The fewest strokes that deny a set and nothing else. */
  denials(set: number): readonly Stroke[] {
    let strokes = this.denied.get(set);
    if (!strokes) {
      const permits = this.repaint(this.none, set, false)!;
      strokes = permits.map((permit) => this.stroke('deny', permit.set));
      this.denied.set(set, strokes);
    }
    return strokes;
  }

  private strokes(before: number, after: number, denies: boolean): readonly Stroke[] | null {
    if (before === after) return [];
    if (!denies && !this.isSubset(before, after)) return null;
    const { addresses } = this.abilities;
    if (addresses === 'prefix') {
      if (!denies) return this.shortestPermits(before, after);
      const lines = repaintPrefixes(this.family, this.list(before), this.list(after));
      return lines.map(({ action, prefix }) => this.stroke(action, this.setOfPrefix(prefix)));
    }
    const opened = this.subtract(after, before);
    if (addresses === 'set') {
      const strokes: Stroke[] = opened === this.none ? [] : [this.stroke('permit', opened)];
      const closed = this.subtract(before, after);
      return closed === this.none ? strokes : [...strokes, this.stroke('deny', closed)];
    }
    const runs = denies
      ? alternations(this.list(before), this.list(after))
      : this.list(opened).map((range): Run => ({ action: 'permit', range }));
    return runs.map(({ action, range }) => this.stroke(action, this.setOfRange(range)));
  }

  /** Prefixes within `after` that hold something not permitted yet. */
  private shortestPermits(before: number, after: number): readonly Stroke[] {
    const known = this.list(before);
    const prefixes = this.list(after).flatMap((range) => prefixesOfRange({ family: this.family, ...range }));
    const ranges = prefixes.map((prefix) => rangeOfPrefix(prefix)).map(({ first, last }) => ({ first, last }));
    return ranges
      .filter((range) => !addressAlgebra.isSubset([range], known))
      .map((range) => this.stroke('permit', this.setOfRange(range)));
  }

  private setOfPrefix(prefix: Prefix): number {
    if (this.family === 6) return this.setOfRange(rangeOfPrefix(prefix));
    const key = Number(prefix.value) * 64 + prefix.length;
    let set = this.prefixes.get(key);
    if (set === undefined) {
      set = this.setOfRange(rangeOfPrefix(prefix));
      this.prefixes.set(key, set);
    }
    return set;
  }

  private setOfRange({ first, last }: Interval<bigint>): number {
    return this.numberOfNew([{ first, last }]);
  }

  private stroke(action: Stroke['action'], set: number): Stroke {
    const key = set * 2 + (action === 'permit' ? 1 : 0);
    let made = this.single.get(key);
    if (!made) {
      made = { action, set, addresses: set === this.all ? null : this.list(set) };
      this.single.set(key, made);
    }
    return made;
  }

  private combine(operation: Operation, a: number, b: number): number {
    const known = this.combined[operation];
    const key = a * mostSets + b;
    let made = known.get(key);
    if (made === undefined) {
      made =
        this.family === 4
          ? this.numberOfNarrow(narrowAlgebra[operation](this.narrow[a]!, this.narrow[b]!))
          : this.numberOfNew(addressAlgebra[operation](this.list(a), this.list(b)));
      known.set(key, made);
    }
    return made;
  }

  private numberOfNarrow(list: readonly Interval<number>[]): number {
    if (list.length === 0 && this.lists.length > 0) return this.none;
    const found = this.place(textOfIntervals(list));
    this.narrow[found] ??= list;
    this.bound(found, list);
    return found;
  }

  private bound(set: number, list: readonly Interval<number | bigint>[]): void {
    if (list.length === 0) return;
    this.lowest[set] = Number(list[0]!.first);
    this.highest[set] = Number(list.at(-1)!.last);
  }

  private place(text: string): number {
    const before = this.byText.get(text);
    if (before !== undefined) return before;
    const found = this.lists.length;
    if (found === mostSets) throw new RangeError(`more than ${mostSets} sets of addresses`);
    this.lists.push(undefined);
    this.painted.push(null);
    this.permitted.push(null);
    this.lowest.push(Infinity);
    this.highest.push(-Infinity);
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
