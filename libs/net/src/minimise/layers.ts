import type { AddressTable, Stroke } from './address-table.js';
import { topOfAxis, type Axis } from './axes.js';
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
 */
export function layerAxis(axis: Axis, background: number, rules: LayerRules): Layers {
  const layering = new AxisLayering(axis, rules);
  const found = layering.solve(0, axis.length - 1, background);
  const layers: Layer[] = [];
  if (found.cost < Infinity) layering.list(found, layers);
  return { cost: found.cost, layers };
}

/** The cheapest way for some segments: a stroke, above it what the stroke must not stand for, and beside it the rest. */
interface Plan {
  readonly cost: number;
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly after: number;
  readonly above: Plan | null;
  readonly beside: Plan | null;
}

const nothing: Plan = { cost: 0, from: 0, to: -1, before: 0, after: 0, above: null, beside: null };

/** Wide strokes tried for one axis: a bound on time for lists that no ACL could hold anyway. */
const mostTries = 20_000;

class AxisLayering {
  private readonly known = new Map<string, Plan>();
  private tries = 0;

  constructor(
    private readonly axis: Axis,
    private readonly rules: LayerRules,
  ) {}

  solve(start: number, end: number, before: number): Plan {
    let from = start;
    let to = end;
    while (from <= to && this.axis[from]!.wanted === before) from++;
    while (to >= from && this.axis[to]!.wanted === before) to--;
    if (from > to) return nothing;
    const key = `${from} ${to} ${before}`;
    const known = this.known.get(key) ?? this.cheapest(from, to, before);
    this.known.set(key, known);
    return known;
  }

  list({ from, to, before, after, above, beside }: Plan, out: Layer[]): void {
    if (above) this.list(above, out);
    const strokes = from <= to ? this.rules.table.repaint(before, after, this.rules.denies)! : [];
    if (strokes.length > 0) out.push({ first: this.axis[from]!.first, last: this.axis[to]!.last, strokes });
    if (beside) this.list(beside, out);
  }

  private cheapest(from: number, to: number, before: number): Plan {
    const { wanted } = this.axis[from]!;
    const rest = this.solve(from + 1, to, before);
    let best: Plan = {
      cost: this.price(from, from, before, wanted) + rest.cost,
      ...{ from, to: from, before, after: wanted, above: null, beside: rest },
    };
    /** Strokes of one line that a segment made dearer: closing it again costs what the line saves. */
    const stopped = new Set<number>();
    for (let last = from + 1; last <= to && this.tries < mostTries; last++) {
      this.tries++;
      for (const after of this.shared(from, last, before)) {
        if (stopped.has(after)) continue;
        const single = this.units(before, after) === 1;
        if (single && this.isDearer(from, last, before, after)) {
          stopped.add(after);
          continue;
        }
        const price = this.price(from, last, before, after);
        if (price >= best.cost) continue;
        const above = this.solve(from, last, after);
        const beside = this.solve(last + 1, to, before);
        const cost = price + above.cost + beside.cost;
        if (cost < best.cost) best = { cost, from, to: last, before, after, above, beside };
      }
    }
    return best;
  }

  /** Address sets under which both ends are cheaper than without. */
  private shared(from: number, to: number, before: number): number[] {
    const { table } = this.rules;
    const a = this.axis[from]!.wanted;
    const b = this.axis[to]!.wanted;
    if (a === b) return [a];
    const common = table.intersect(a, b);
    if (common === table.none) return [];
    const isCheaper = (after: number, wanted: number): boolean =>
      this.units(after, wanted) < this.units(before, wanted);
    return [...new Set([common, a, b, table.union(a, b)])].filter(
      (after) => after !== before && isCheaper(after, a) && isCheaper(after, b),
    );
  }

  private isDearer(from: number, to: number, before: number, after: number): boolean {
    for (let i = from; i <= to; i++) {
      const { wanted } = this.axis[i]!;
      if (this.units(after, wanted) > this.units(before, wanted)) return true;
    }
    return false;
  }

  private units(before: number, after: number): number {
    return this.rules.table.repaint(before, after, this.rules.denies)?.length ?? Infinity;
  }

  private price(from: number, to: number, before: number, after: number): number {
    const ports = { first: this.axis[from]!.first, last: this.axis[to]!.last };
    const units = this.units(before, after);
    return units === Infinity ? Infinity : units * this.rules.weight(ports);
  }
}

/** Addresses apart instead of ports: for each set of addresses with the same ports, these ports. Only permits. */
export function layerByAddress(axis: Axis, addressClasses: readonly number[], rules: LayerRules): Layers {
  const { table, weight } = rules;
  const layers: Layer[] = [];
  let cost = 0;
  for (const addresses of addressClasses) {
    const strokes = table.repaint(table.none, addresses, false)!;
    for (const ports of runs(axis.filter(({ wanted }) => table.isSubset(addresses, wanted)))) {
      layers.push({ ...ports, strokes });
      cost += strokes.length * weight(ports);
    }
  }
  return { cost, layers };
}

function runs(intervals: readonly Interval<number>[]): Interval<number>[] {
  const out: { first: number; last: number }[] = [];
  for (const { first, last } of intervals) {
    const top = out.at(-1);
    if (top && top.last + 1 === first) top.last = last;
    else out.push({ first, last });
  }
  return out;
}

export const isWholeAxis = ({ first, last }: Interval<number>): boolean => first === 0 && last === topOfAxis;
