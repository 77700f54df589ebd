import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TupleIndex } from './tuple-index.js';

it('numbers tuples as a map does, however many and however like each other', () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: -1, max: 0xffff_ffff }));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number, number, number), { maxLength: 3000, size: 'max' }), (tuples) => {
      const index = new TupleIndex();
      const map = new Map<string, number>();
      for (const [a, b, c, d] of tuples) {
        // -1 and 0xffffffff are the same 32 bits.
        const key = [a, b, c, d].map((one) => one >>> 0).join(' ');
        const expected = map.get(key) ?? map.size;
        map.set(key, expected);
        expect(index.of(a, b, c, d)).toBe(expected);
        expect(index.size).toBe(map.size);
      }
    }),
    { numRuns: 15 },
  );
});
