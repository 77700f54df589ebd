import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalAlgebra, type Interval } from './interval.js';

const algebra = new IntervalAlgebra<number>(1);
const size = 24;
const universe = Array.from({ length: size }, (_, i) => i);
const interval = fc
  .tuple(fc.nat({ max: size - 1 }), fc.nat({ max: size - 1 }))
  .map(([a, b]): Interval<number> => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const any = fc.array(interval, { maxLength: 6 });
const set = any.map((list) => algebra.normalize(list));
const members = (list: readonly Interval<number>[]): number[] =>
  universe.filter((value) => list.some(({ first, last }) => first <= value && value <= last));

/** Sorted, disjoint, not adjacent. */
function expectCanonical(list: readonly Interval<number>[]): void {
  for (const [i, { first, last }] of list.entries()) {
    expect(first).toBeLessThanOrEqual(last);
    if (i > 0) expect(first).toBeGreaterThan(list[i - 1]!.last + 1);
  }
}

describe('the interval algebra agrees with sets of single values', () => {
  it('in canonical form', () => {
    fc.assert(
      fc.property(any, (list) => {
        const copy = structuredClone(list);
        const normal = algebra.normalize(list);
        expectCanonical(normal);
        expect(members(normal)).toEqual(members(list));
        expect(algebra.normalize(normal)).toEqual(normal);
        expect(list).toEqual(copy);
      }),
    );
  });

  it('in union, intersection, difference, membership, subset and equality', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [inA, inB] = [new Set(members(a)), new Set(members(b))];
        const checks = [
          [algebra.union(a, b), inA.union(inB)],
          [algebra.intersect(a, b), inA.intersection(inB)],
          [algebra.subtract(a, b), inA.difference(inB)],
        ] as const;
        for (const [found, expected] of checks) {
          expectCanonical(found);
          expect(members(found)).toEqual([...expected].sort((x, y) => x - y));
        }
        for (const value of universe) expect(algebra.contains(a, value)).toBe(inA.has(value));
        expect(algebra.isSubset(a, b)).toBe(inA.isSubsetOf(inB));
        expect(algebra.equals(a, b)).toBe(inA.symmetricDifference(inB).size === 0);
      }),
      { numRuns: 500 },
    );
  });

  it('by the laws of sets', () => {
    fc.assert(
      fc.property(set, set, set, (a, b, c) => {
        expect(algebra.union(a, b)).toEqual(algebra.union(b, a));
        expect(algebra.intersect(a, b)).toEqual(algebra.intersect(b, a));
        expect(algebra.subtract(a, algebra.union(b, c))).toEqual(algebra.subtract(algebra.subtract(a, b), c));
        expect(algebra.intersect(a, algebra.union(b, c))).toEqual(
          algebra.union(algebra.intersect(a, b), algebra.intersect(a, c)),
        );
        expect(algebra.union(algebra.intersect(a, b), algebra.subtract(a, b))).toEqual(a);
      }),
    );
  });

  it('for 128-bit numbers at both ends of their range', () => {
    const wide = new IntervalAlgebra<bigint>(1n);
    const all = [{ first: 0n, last: (1n << 128n) - 1n }];
    const ends = [
      { first: 0n, last: 0n },
      { first: (1n << 128n) - 1n, last: (1n << 128n) - 1n },
    ];
    expect(wide.subtract(all, ends)).toEqual([{ first: 1n, last: (1n << 128n) - 2n }]);
    expect(wide.union(wide.subtract(all, ends), ends)).toEqual(all);
  });
});
