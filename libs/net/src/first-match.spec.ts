import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAlgebra, bitsOf, maxOf, prefixesOfRange, rangeOfPrefix, type Family } from './address.js';
import { firstMatchPrefixes, type PrefixLine } from './first-match.js';

const free = 5;
const base = (family: Family): bigint => 10n << BigInt(bitsOf(family) - 8);

const passes = (lines: readonly PrefixLine[], value: bigint): boolean => {
  const hit = lines.find(({ prefix }) => rangeOfPrefix(prefix).first <= value && value <= rangeOfPrefix(prefix).last);
  return hit?.action === 'permit';
};

/** Fewest lines for these addresses by trying, at each node of the tree, both colours it could pass on. */
function fewestLines(inside: readonly boolean[], inherited: boolean): number {
  if (inside.length === 1) return inside[0] === inherited ? 0 : 1;
  const [low, high] = [inside.slice(0, inside.length / 2), inside.slice(inside.length / 2)];
  const below = (colour: boolean): number => fewestLines(low, colour) + fewestLines(high, colour);
  return Math.min(below(inherited), 1 + below(!inherited));
}

const flags = fc.array(fc.boolean(), { minLength: 1 << free, maxLength: 1 << free });

describe('firstMatchPrefixes', () => {
  it('permits exactly the set, in as few lines as there can be', () => {
    fc.assert(
      fc.property(fc.constantFrom<Family>(4, 6), flags, (family, inside) => {
        const at = base(family);
        const singles = inside.flatMap((is, i) => (is ? [{ first: at + BigInt(i), last: at + BigInt(i) }] : []));
        const set = addressAlgebra.normalize(singles);
        const lines = firstMatchPrefixes(family, set);
        for (let i = -2; i < inside.length + 2; i++) expect(passes(lines, at + BigInt(i))).toBe(inside[i] ?? false);
        for (const far of [0n, maxOf(family)]) expect(passes(lines, far)).toBe(false);
        expect(lines).toHaveLength(fewestLines(inside, false));
        const plain = set.flatMap((range) => prefixesOfRange({ family, ...range }));
        expect(lines.length).toBeLessThanOrEqual(plain.length);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['nothing', [], 0],
    ['everything', [{ first: 0n, last: maxOf(4) }], 1],
    [
      'all but one address',
      [
        { first: 0n, last: 41n },
        { first: 43n, last: maxOf(4) },
      ],
      2,
    ],
  ])('takes %s', (_, set, count) => expect(firstMatchPrefixes(4, set)).toHaveLength(count));

  it('says the internet (all but private space) with one line per private prefix and one for the rest', () => {
    const lines = firstMatchPrefixes(
      4,
      addressAlgebra.subtract([{ first: 0n, last: maxOf(4) }], [{ first: 10n << 24n, last: (11n << 24n) - 1n }]),
    );
    expect(lines.map(({ action, prefix }) => `${action} /${prefix.length}`)).toEqual(['deny /8', 'permit /0']);
  });
});
