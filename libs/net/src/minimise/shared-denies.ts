import { addressAlgebra } from '../address.js';
import type { AddressTable } from './address-table.js';
import type { Axis } from './axes.js';

/** Openings cut at addresses that are closed to all protocols halfway down the list. */
export interface CutOpenings {
  readonly closed: number;
  /** What stands above the denies: what is wanted of the closed addresses. */
  readonly above: ReadonlyMap<number, Axis>;
  /** What stands below: what is wanted of the others; the closed ones may be permitted where that is shorter. */
  readonly below: ReadonlyMap<number, Axis>;
}

const mostCuts = 4;

/**
 * Addresses that the lists of several services exclude one by one, such as the hospital's own from the internet. Each
 * gives a way to write the list: first what is open within them, then one deny for all of it, then everything else.
 */
export function cutsOf(openings: ReadonlyMap<number, Axis>, table: AddressTable): number[] {
  const counts = new Map<number, number>();
  let services = 0;
  for (const axis of openings.values()) {
    for (const { wanted } of axis) {
      if (wanted !== table.none) services++;
      const excluded = excludedBy(wanted, table);
      if (excluded !== table.none) counts.set(excluded, (counts.get(excluded) ?? 0) + 1);
    }
  }
  const sets = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  if (sets.length === 0 || services === 1) return [];
  const common = sets.reduce((a, b) => table.intersect(a, b));
  return [...new Set([common, ...sets])].filter((set) => set !== table.none).slice(0, mostCuts);
}

export function cutOpenings(openings: ReadonlyMap<number, Axis>, closed: number, table: AddressTable): CutOpenings {
  const within = (wanted: number): number => table.intersect(wanted, closed);
  const outside = (wanted: number): number => {
    if (table.isSubset(wanted, closed)) return table.none;
    const ways = [table.union(wanted, closed), table.subtract(wanted, closed), wanted];
    const lengths = ways.map((set) => table.repaint(table.none, set)?.length ?? Infinity);
    return ways[lengths.indexOf(Math.min(...lengths))]!;
  };
  const change = (of: (wanted: number) => number): Map<number, Axis> =>
    new Map(
      [...openings].map(([protocol, axis]) => [
        protocol,
        axis.map((segment) => ({ ...segment, wanted: of(segment.wanted) })),
      ]),
    );
  return { closed, above: change(within), below: change(outside) };
}

function excludedBy(wanted: number, table: AddressTable): number {
  if (wanted === table.none || wanted === table.all) return table.none;
  const denied = (table.repaint(table.none, wanted) ?? []).filter(({ action }) => action === 'deny');
  const ranges = denied.flatMap(({ addresses }) => [...(addresses ?? [])]);
  return ranges.length === 0 ? table.none : table.number(addressAlgebra.normalize(ranges));
}
