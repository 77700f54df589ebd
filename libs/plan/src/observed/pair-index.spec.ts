import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PairIndex } from './pair-index.js';

it('numbers pairs as a map does, however many and however like each other', () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 3000, size: 'max' }), (pairs) => {
      const index = new PairIndex();
      const map = new Map<string, number>();
      for (const [a, b] of pairs) {
        const key = `${a} ${b}`;
        const expected = map.get(key) ?? map.size;
        map.set(key, expected);
        expect(index.of(a, b)).toBe(expected);
        expect(index.size).toBe(map.size);
      }
    }),
    { numRuns: 15 },
  );
});
