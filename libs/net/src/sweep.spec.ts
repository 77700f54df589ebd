import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalAlgebra, type Interval } from './interval.js';
import { sharingLists } from './sweep.js';

const algebra = new IntervalAlgebra<number>(1);
const list = fc
  .array(fc.tuple(fc.nat(40), fc.nat(3)), { maxLength: 3 })
  .map((parts) => algebra.normalize(parts.map(([first, length]) => ({ first, last: first + length }))));

describe('lists that share numbers', () => {
  it('are together if they share one, or by way of others, and not if they only touch', () => {
    fc.assert(
      fc.property(fc.array(list, { maxLength: 12 }), (lists) => {
        const clusters = sharingLists(lists);
        expect(clusters.lists()).toEqual(byHand(lists));
        expect(clusters.areApart).toBe(byHand(lists).length === lists.length);
      }),
    );
  });
});

/** Grows the cluster of each list until nothing is added. */
function byHand(lists: readonly (readonly Interval<number>[])[]): number[][] {
  const shares = (a: number, b: number): boolean => algebra.intersect(lists[a]!, lists[b]!).length > 0;
  const places = lists.map((_, i) => i);
  const clusterOf = (cluster: readonly number[]): number[] => {
    const grown = places.filter((i) => cluster.includes(i) || cluster.some((j) => shares(i, j)));
    return grown.length === cluster.length ? grown : clusterOf(grown);
  };
  const found = places.map((i) => clusterOf([i]));
  return found.filter((cluster, i) => cluster[0] === i);
}
