import { append } from '#base';
import type { AddressTable, Stroke } from './address-table.js';
import type { Axis } from './axes.js';
import type { Interval } from '../interval.js';

/** Lines that share their ports: strokes on these ports, above what later layers say of them. */
export interface Layer extends Interval<number> {
  readonly strokes: readonly Stroke[];
}

export interface Layers {
  /** Lines, as the target counts them. Infinite where denies would be needed and there are none. */
  readonly cost: number;
  /** Top down. */
  readonly layers: readonly Layer[];
}

/** Addresses that no wanted set nor the background of an axis tells apart. */
export interface Atom {
  readonly set: number;
  /** Those sets that hold it. */
  readonly within: ReadonlySet<number>;
}

export interface LayerRules {
  readonly table: AddressTable;
  readonly denies: boolean;
  /** Lines that a target needs to say these ports. */
  readonly weight: (ports: Interval<number>) => number;
}

/**
 * Paints an axis like a strange printer: a stroke covers an interval of ports, later strokes cover earlier ones, and the
 * lines of the last stroke stand first. So services with the same or overlapping addresses share one line over a wide
 * interval, and what lies between them is closed, or opened to others, above it. The best way of nesting intervals is found
 * by dynamic programming; which addresses a wide stroke may have is limited to what its two ends want, or have in common.
 * What lies above a wide stroke may instead be told apart by addresses, each with intervals of its own that may cross.
 *
 * `atoms`: of the wanted sets and the background; empty where nothing overlaps.
 */
export function layerAxis(axis: Axis, background: number, atoms: readonly Atom[], rules: LayerRules): Layers {
  const layering = new AxisLayering(axis, atoms, rules);
  const found = layering.enter(0, axis.length - 1, layering.number(background));
  const layers: Layer[] = [];
  if (found.cost < Infinity) layering.list(found, layers);
  return { cost: found.cost, layers };
}

/** The cheapest way for some segments, with sets as the layering numbers them: a stroke, above it what the stroke must not stand for, and beside it the rest. */
interface Nested {
  readonly cost: number;
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly after: number;
  readonly above: Plan | null;
  readonly beside: Plan;
}
/** Or lines that touch nothing that another of them touches. */
interface Apart {
  readonly cost: number;
  readonly layers: readonly Layer[];
}
type Plan = Nested | Apart;

const nothing: Plan = { cost: 0, layers: [] };

/** Wide strokes tried for one axis: a bound on time for lists that no ACL could hold anyway. */
const mostTries = 20_000;

/** Sets that one layering may meet. */
const mostLocal = 2 ** 20;

class AxisLayering {
  private readonly known = new Map<number, Plan>();
  private readonly entered = new Map<number, Plan>();
  /** The sets met, by numbers of this layering's own: small ones, for tables. */
  private readonly sets: number[] = [];
  private readonly numbers = new Map<number, number>();
  /** By set before and set after: strokes from one to the other. */
  private readonly distances: number[][] = [];
  /** By segment. */
  private readonly wanted: Int32Array;
  /** By segment: the later ones that a stroke from it may end at, because they want something that it wants, too. */
  private readonly partners: readonly (readonly number[])[];
  /** By atom: whether a segment wants it. */
  private readonly wants: readonly Uint8Array[];
  /** By segment: how many before it want something else than the one before them. */
  private readonly changes: Int32Array;
  private tries = 0;

  constructor(
    private readonly axis: Axis,
    private readonly atoms: readonly Atom[],
    private readonly rules: LayerRules,
  ) {
    const { table } = rules;
    this.wanted = Int32Array.from(axis, ({ wanted }) => this.number(wanted));
    this.partners = partnersOf(axis, table);
    this.changes = changesOf(axis);
    this.wants = atoms.map(({ within }) => Uint8Array.from(axis, ({ wanted }) => (within.has(wanted) ? 1 : 0)));
  }

  /** The number here of a set of the table. */
  number(set: number): number {
    let found = this.numbers.get(set);
    if (found === undefined) {
      found = this.sets.length;
      if (found === mostLocal) throw new RangeError(`more than ${mostLocal} sets of addresses on one axis`);
      this.sets.push(set);
      this.distances.push([]);
      this.numbers.set(set, found);
    }
    return found;
  }

  /** Like `solve`, for a whole interval that has just been covered. */
  enter(from: number, to: number, before: number): Plan {
    const nested = this.solve(from, to, before);
    if (this.atoms.length === 0 || nested.cost <= this.least(from, to, before)) return nested;
    const key = this.keyOf(from, to, before);
    let known = this.entered.get(key);
    if (!known) {
      const apart = this.apart(from, to, before);
      known = apart.cost < nested.cost ? apart : nested;
      this.entered.set(key, known);
    }
    return known;
  }

  solve(start: number, end: number, before: number): Plan {
    let from = start;
    let to = end;
    while (from <= to && this.wanted[from] === before) from++;
    while (to >= from && this.wanted[to] === before) to--;
    if (from > to) return nothing;
    const key = this.keyOf(from, to, before);
    const known = this.known.get(key) ?? this.cheapest(from, to, before);
    this.known.set(key, known);
    return known;
  }

  /** No list is shorter: wherever the wanted addresses change, some line must begin or end, and a line does so twice. */
  private least(from: number, to: number, before: number): number {
    const inside = this.changes[to]! - this.changes[from]!;
    const atEnds = (this.wanted[from] === before ? 0 : 1) + (this.wanted[to] === before ? 0 : 1);
    return (inside + atEnds) / 2;
  }

  /** One exact number: no axis has more than 2¹⁶ segments. */
  private keyOf(from: number, to: number, before: number): number {
    return (before * this.axis.length + from) * this.axis.length + to;
  }

  list(plan: Plan, out: Layer[]): void {
    if ('layers' in plan) out.push(...plan.layers);
    else {
      const { from, to, before, after, above, beside } = plan;
      if (above) this.list(above, out);
      const strokes = this.rules.table.repaint(this.sets[before]!, this.sets[after]!, this.rules.denies)!;
      out.push({ first: this.axis[from]!.first, last: this.axis[to]!.last, strokes });
      this.list(beside, out);
    }
  }

  /** For each interval of ports the addresses that change on all of it, and on neither port beside it. */
  private apart(from: number, to: number, before: number): Plan {
    const { table, denies, weight } = this.rules;
    const changes = new Map<number, Interval<number> & { action: Stroke['action']; addresses: number }>();
    for (const [place, atom] of this.atoms.entries()) {
      const isBefore = table.isSubset(atom.set, this.sets[before]!);
      const wants = this.wants[place]!;
      const kept = isBefore ? 1 : 0;
      const isChanged = (i: number): boolean => i >= from && i <= to && wants[i] !== kept;
      for (let i = from; i <= to; i++) {
        if (!isChanged(i) || isChanged(i - 1)) continue;
        let end = i;
        while (isChanged(end + 1)) end++;
        const key = (i * this.axis.length + end) * 2 + kept;
        const { addresses } = changes.get(key) ?? { addresses: table.none };
        changes.set(key, {
          first: this.axis[i]!.first,
          last: this.axis[end]!.last,
          action: isBefore ? 'deny' : 'permit',
          addresses: table.union(addresses, atom.set),
        });
      }
    }
    let cost = 0;
    const layers: Layer[] = [];
    for (const { first, last, action, addresses } of changes.values()) {
      if (action === 'deny' && !denies) return { cost: Infinity, layers: [] };
      const strokes = action === 'permit' ? table.repaint(table.none, addresses, false)! : table.denials(addresses);
      cost += strokes.length * weight({ first, last });
      layers.push({ first, last, strokes });
    }
    return { cost, layers };
  }

  private cheapest(from: number, to: number, before: number): Plan {
    const wanted = this.wanted[from]!;
    const rest = this.solve(from + 1, to, before);
    const own = this.units(before, wanted);
    let best: Plan = {
      cost: own === Infinity ? Infinity : own * this.weight(from, from) + rest.cost,
      from,
      to: from,
      before,
      after: wanted,
      above: null,
      beside: rest,
    };
    /** Strokes of one line that a segment made dearer: closing it again costs what the line saves. */
    const stopped = new Set<number>();
    for (const last of this.partners[from]!) {
      if (last > to || this.tries++ >= mostTries) break;
      const weight = this.weight(from, last);
      let beside: Plan | null = null;
      for (const after of this.shared(from, last, before)) {
        if (stopped.has(after)) continue;
        // Before asking for its strokes: one at least.
        const least = this.least(from, last, after);
        if (weight + least >= best.cost) continue;
        beside ??= this.solve(last + 1, to, before);
        if (weight + least + beside.cost >= best.cost) continue;
        const units = this.units(before, after);
        const price = units === Infinity ? Infinity : units * weight;
        if (price + least + beside.cost >= best.cost) continue;
        if (!this.isCheaper(before, after, from) || !this.isCheaper(before, after, last)) continue;
        if (units === 1 && this.isDearer(from, last, before, after)) {
          stopped.add(after);
          continue;
        }
        const above = this.enter(from, last, after);
        const cost = price + above.cost + beside.cost;
        if (cost < best.cost) best = { cost, from, to: last, before, after, above, beside };
      }
    }
    return best;
  }

  /** Address sets that a stroke may have of which both ends want something. */
  private shared(from: number, to: number, before: number): number[] {
    const a = this.wanted[from]!;
    const b = this.wanted[to]!;
    if (a === b) return a === before ? [] : [a];
    const { table } = this.rules;
    const [x, y] = [this.sets[a]!, this.sets[b]!];
    const common = table.intersect(x, y);
    const sets =
      common === x ? [a, b] : common === y ? [b, a] : [this.number(common), a, b, this.number(table.union(x, y))];
    return sets.filter((after) => after !== before);
  }

  private isCheaper(before: number, after: number, segment: number): boolean {
    const wanted = this.wanted[segment]!;
    return this.units(after, wanted) < this.units(before, wanted);
  }

  private isDearer(from: number, to: number, before: number, after: number): boolean {
    for (let i = from; i <= to; i++) {
      const wanted = this.wanted[i]!;
      if (this.units(after, wanted) > this.units(before, wanted)) return true;
    }
    return false;
  }

  private units(before: number, after: number): number {
    const known = this.distances[before]!;
    let units = known[after];
    if (units === undefined) {
      const { table, denies } = this.rules;
      units = table.repaint(this.sets[before]!, this.sets[after]!, denies)?.length ?? Infinity;
      known[after] = units;
    }
    return units;
  }

  private weight(from: number, to: number): number {
    return this.rules.weight({ first: this.axis[from]!.first, last: this.axis[to]!.last });
  }
}

function partnersOf(axis: Axis, table: AddressTable): number[][] {
  const places = new Map<number, number[]>();
  for (const [i, { wanted }] of axis.entries()) {
    append(places, wanted, i);
  }
  const sets = [...places.keys()];
  const alike = new Map(
    sets.map((set) => {
      const others = sets.filter((other) => other === set || table.touches(set, other));
      return [set, others.flatMap((other) => places.get(other)!).sort((a, b) => a - b)];
    }),
  );
  return axis.map(({ wanted }, i) => alike.get(wanted)!.filter((j) => j > i));
}

function changesOf(axis: Axis): Int32Array {
  const changes = new Int32Array(axis.length);
  for (let i = 1; i < axis.length; i++)
    changes[i] = changes[i - 1]! + (axis[i]!.wanted === axis[i - 1]!.wanted ? 0 : 1);
  return changes;
}
