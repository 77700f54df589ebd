import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clusters } from './clusters.js';

describe('Clusters', () => {
  it('puts together what is joined, directly or by way of others', () => {
    const size = 8;
    const place = fc.nat(size - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(place, place), { maxLength: 10 }), (joins) => {
        const clusters = new Clusters(size);
        for (const [a, b] of joins) clusters.join(a, b);
        const reach = (from: number): number[] => {
          const found = new Set([from]);
          for (const at of found) for (const [a, b] of joins) if (a === at || b === at) found.add(a).add(b);
          return [...found].sort((a, b) => a - b);
        };
        const expected = new Map(Array.from({ length: size }, (_, i) => [reach(i).join(), reach(i)]));
        expect(clusters.lists()).toEqual([...expected.values()]);
        expect(clusters.areApart).toBe(expected.size === size);
      }),
    );
  });
});
