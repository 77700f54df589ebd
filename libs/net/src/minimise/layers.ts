import { append } from '#base';
import { mostSets, type AddressTable, type Stroke } from './address-table.js';
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
 * What lies above a wide stroke may instead be told apart by addresses, each with intervals of its own that may cross.
 *
 * `atoms`: the sets of addresses that no wanted set nor the background tells apart; empty where nothing overlaps.
 */
export function layerAxis(axis: Axis, background: number, atoms: readonly number[], rules: LayerRules): Layers {
  const layering = new AxisLayering(axis, atoms, rules);
  const found = layering.enter(0, axis.length - 1, background);
  const layers: Layer[] = [];
  if (found.cost < Infinity) layering.list(found, layers);
  return { cost: found.cost, layers };
}

/** The cheapest way for some segments: a stroke, above it what the stroke must not stand for, and beside it the rest. */
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

class AxisLayering {
  private readonly known = new Map<number, Plan>();
  private readonly entered = new Map<number, Plan>();
  /** By segment: the later ones that a stroke from it may end at, because they want something that it wants, too. */
  private readonly partners: readonly (readonly number[])[];
  /** By atom: whether a segment wants it. */
  private readonly wants: readonly Uint8Array[];
  private tries = 0;

  constructor(
    private readonly axis: Axis,
    private readonly atoms: readonly number[],
    private readonly rules: LayerRules,
  ) {
    const { table } = rules;
    this.partners = partnersOf(axis, table);
    this.wants = atoms.map((atom) => Uint8Array.from(axis, ({ wanted }) => (table.isSubset(atom, wanted) ? 1 : 0)));
  }

  /** Like `solve`, for a whole interval that has just been covered. */
  enter(from: number, to: number, before: number): Plan {
    const nested = this.solve(from, to, before);
    if (this.atoms.length === 0 || nested.cost < 2) return nested;
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
    while (from <= to && this.axis[from]!.wanted === before) from++;
    while (to >= from && this.axis[to]!.wanted === before) to--;
    if (from > to) return nothing;
    const key = this.keyOf(from, to, before);
    const known = this.known.get(key) ?? this.cheapest(from, to, before);
    this.known.set(key, known);
    return known;
  }

  /** One exact number: sets are below 2²⁶, and no axis has 2¹³ segments. */
  private keyOf(from: number, to: number, before: number): number {
    return (from * this.axis.length + to) * mostSets + before;
  }

  list(plan: Plan, out: Layer[]): void {
    if ('layers' in plan) out.push(...plan.layers);
    else {
      const { from, to, before, after, above, beside } = plan;
      if (above) this.list(above, out);
      const strokes = this.rules.table.repaint(before, after, this.rules.denies)!;
      out.push({ first: this.axis[from]!.first, last: this.axis[to]!.last, strokes });
      this.list(beside, out);
    }
  }

  /** For each interval of ports the addresses that change on all of it, and on neither port beside it. */
  private apart(from: number, to: number, before: number): Plan {
    const { table, denies, weight } = this.rules;
    const changes = new Map<string, Interval<number> & { action: Stroke['action']; addresses: number }>();
    for (const [place, atom] of this.atoms.entries()) {
      const isBefore = table.isSubset(atom, before);
      const wants = this.wants[place]!;
      const kept = isBefore ? 1 : 0;
      const isChanged = (i: number): boolean => i >= from && i <= to && wants[i] !== kept;
      for (let i = from; i <= to; i++) {
        if (!isChanged(i) || isChanged(i - 1)) continue;
        let end = i;
        while (isChanged(end + 1)) end++;
        const key = `${i} ${end} ${isBefore}`;
        const { addresses } = changes.get(key) ?? { addresses: table.none };
        changes.set(key, {
          first: this.axis[i]!.first,
          last: this.axis[end]!.last,
          action: isBefore ? 'deny' : 'permit',
          addresses: table.union(addresses, atom),
        });
      }
    }
    let cost = 0;
    const layers: Layer[] = [];
    for (const { first, last, action, addresses } of changes.values()) {
      if (action === 'deny' && !denies) return { cost: Infinity, layers: [] };
      const strokes = table.repaint(table.none, addresses, false)!;
      cost += strokes.length * weight({ first, last });
      layers.push({ first, last, strokes: strokes.map((stroke) => ({ ...stroke, action })) });
    }
    return { cost, layers };
  }

  private cheapest(from: number, to: number, before: number): Plan {
    const { wanted } = this.axis[from]!;
    const rest = this.solve(from + 1, to, before);
    const price = this.price(from, from, before, wanted);
    let best: Plan = {
      cost: price + rest.cost,
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
      for (const after of this.shared(from, last, before)) {
        if (stopped.has(after)) continue;
        const single = this.units(before, after) === 1;
        if (single && this.isDearer(from, last, before, after)) {
          stopped.add(after);
          continue;
        }
        const price = this.price(from, last, before, after);
        if (price >= best.cost) continue;
        const above = this.enter(from, last, after);
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

function partnersOf(axis: Axis, table: AddressTable): number[][] {
  const places = new Map<number, number[]>();
  for (const [i, { wanted }] of axis.entries()) {
    append(places, wanted, i);
  }
  const sets = [...places.keys()];
  const alike = new Map(
    sets.map((set) => {
      const others = sets.filter((other) => other === set || table.intersect(set, other) !== table.none);
      return [set, others.flatMap((other) => places.get(other)!).sort((a, b) => a - b)];
    }),
  );
  return axis.map(({ wanted }, i) => alike.get(wanted)!.filter((j) => j > i));
}

export const isWholeAxis = ({ first, last }: Interval<number>): boolean => first === 0 && last === topOfAxis;
