import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostPeers, piecesOf } from './pieces.js';

const addresses = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `10.${(from + i) >> 16}.${((from + i) >> 8) & 255}.${(from + i) & 255}`);

describe('pieces', () => {
  it('hold every member once, and none too many, whatever the order of members', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.nat(100_000), (count, from) => {
        const members = addresses(count, from);
        const pieces = piecesOf(members);
        expect(pieces.flatMap((piece) => piece.members).sort()).toEqual([...members].sort());
        expect(Math.max(0, ...pieces.map((piece) => piece.members.length))).toBeLessThanOrEqual(mostPeers);
        const reversed = piecesOf([...members].reverse());
        expect(reversed.map(({ bits }) => bits)).toEqual(pieces.map(({ bits }) => bits));
      }),
      { numRuns: 20 },
    );
  });

  it('change one by one: a member that comes changes its piece, or splits it in two', () => {
    const texts = (members: readonly string[]): Set<string> =>
      new Set(piecesOf(members).map(({ bits, members }) => `${bits} ${members.join()}`));
    for (const count of [10, mostPeers, 4321]) {
      const before = texts(addresses(count));
      const after = texts([...addresses(count), '10.99.0.1']);
      expect({ count, changed: [...after.difference(before)].length }).toEqual({
        count,
        changed: count === mostPeers ? 2 : 1,
      });
    }
  });
});
