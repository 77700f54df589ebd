import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAlgebra, bitsOf, maxOf, prefixesOfRange, rangeOfPrefix, type Family } from './address.js';
import { firstMatchPrefixes, repaintPrefixes, type PrefixLine } from './first-match.js';

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

/** The same above a list that already permits some addresses; `null`: nothing is decided yet. */
function fewestChanges(before: readonly boolean[], after: readonly boolean[], above: boolean | null): number {
  if (after.length === 1) return (above ?? before[0]) === after[0] ? 0 : 1;
  const half = after.length / 2;
  const below = (state: boolean | null): number =>
    fewestChanges(before.slice(0, half), after.slice(0, half), state) +
    fewestChanges(before.slice(half), after.slice(half), state);
  return Math.min(below(above), 1 + below(true), 1 + below(false));
}

const inRanges = (inside: readonly boolean[], at: bigint) =>
  addressAlgebra.normalize(inside.flatMap((is, i) => (is ? [{ first: at + BigInt(i), last: at + BigInt(i) }] : [])));

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

  it('is right and shortest for sets that lie far apart', () => {
    const byte = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom<Family>(4, 6), byte, byte, fc.boolean(), (family, low, high, isComplement) => {
        const bits = bitsOf(family);
        const [here, there] = [base(family), base(family) + (1n << BigInt(bits - 13))];
        const few = addressAlgebra.union(inRanges(low, here), inRanges(high, there));
        const set = isComplement ? addressAlgebra.subtract([{ first: 0n, last: maxOf(family) }], few) : few;
        const lines = firstMatchPrefixes(family, set);
        for (const at of [here, there]) {
          for (let i = -2n; i < 10n; i++)
            expect(passes(lines, at + i)).toBe(set.some(({ first, last }) => first <= at + i && at + i <= last));
        }
        for (const far of [0n, maxOf(family), here + 64n, there - 64n, there + 64n])
          expect(passes(lines, far)).toBe(isComplement);
        // Far apart, so that no line pays in both places: a line for what is around, and the lines of each.
        const each = [low, high].map((inside) =>
          fewestLines(
            inside.map((is) => is !== isComplement),
            isComplement,
          ),
        );
        expect(lines.length).toBeLessThanOrEqual(each[0]! + each[1]! + (isComplement ? 1 : 0));
      }),
      { numRuns: 200 },
    );
  });

  it('changes what a list below permits, in as few lines as there can be', () => {
    const byte = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom<Family>(4, 6), byte, byte, (family, before, after) => {
        const at = base(family);
        const lines = repaintPrefixes(family, inRanges(before, at), inRanges(after, at));
        const decided = (value: bigint): boolean | undefined => {
          const hit = lines.find(
            ({ prefix }) => rangeOfPrefix(prefix).first <= value && value <= rangeOfPrefix(prefix).last,
          );
          return hit && hit.action === 'permit';
        };
        for (const [i, is] of after.entries()) expect(decided(at + BigInt(i)) ?? before[i]).toBe(is);
        for (const far of [0n, at - 1n, at + 8n, maxOf(family)]) expect(decided(far) ?? false).toBe(false);
        // What is around wants no permit, like a sibling that has none.
        const around = Array.from({ length: 24 }, () => false);
        expect(lines).toHaveLength(fewestChanges([...before, ...around], [...after, ...around], null));
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
