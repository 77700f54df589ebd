import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressIndex } from './address-index.js';
import {
  addressSet,
  hasAddress,
  maxOf,
  parseAddress,
  parseRange,
  rangesOf,
  type Address,
  type AddressRange,
  type AddressSet,
} from './address.js';

/** Near the borders of words, of which ranges take in parts, one or many. */
const value6 = fc
  .tuple(fc.constantFrom(0n, 32n, 64n, 96n, 127n), fc.nat(3), fc.integer({ min: -2, max: 2 }))
  .map(([shift, head, near]) => clamp((BigInt(head) << shift) + BigInt(near), maxOf(6)));
const value4 = fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 0xffff_ffff })).map(BigInt);
const clamp = (value: bigint, max: bigint): bigint => (value < 0n ? 0n : value > max ? max : value);

const addresses = fc.oneof(
  value4.map((value): Address => ({ family: 4, value })),
  value6.map((value): Address => ({ family: 6, value })),
);
const ranges = fc
  .tuple(addresses, addresses)
  .filter(([a, b]) => a.family === b.family)
  .map(([a, b]): AddressRange => {
    const [first, last] = a.value < b.value ? [a.value, b.value] : [b.value, a.value];
    return { family: a.family, first, last };
  });

/** Those of the ranges that meet none of those before them. */
function disjoint(list: readonly AddressRange[]): AddressSet[] {
  const out: AddressSet[] = [];
  for (const range of list) {
    const set = addressSet([range]);
    if (out.every((other) => !meets(other, set))) out.push(set);
  }
  return out;
}

const meets = (a: AddressSet, b: AddressSet): boolean =>
  rangesOf(a).some(({ family, first, last }) =>
    rangesOf(b).some((other) => other.family === family && other.first <= last && first <= other.last),
  );

describe('an index of addresses', () => {
  it('finds the set that has an address, or none', () => {
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 8 }), fc.array(addresses, { maxLength: 20 }), (list, others) => {
        const sets = disjoint(list);
        const index = new AddressIndex(sets);
        const ends = list.flatMap(({ family, first, last }) =>
          [first - 1n, first, last, last + 1n].map((value): Address => ({
            family,
            value: clamp(value, maxOf(family)),
          })),
        );
        for (const address of [...ends, ...others])
          expect(index.find(address)).toBe(sets.findIndex((set) => hasAddress(set, address)));
      }),
      { numRuns: 300 },
    );
  });

  it('tells a family from the other, whichever was asked about before', () => {
    const index = new AddressIndex([addressSet([parseRange('10.0.0.1')!]), addressSet([parseRange('::a00:1')!])]);
    const [narrow, wide, far] = ['10.0.0.1', '::a00:1', 'fd00::a00:1'].map((text) => parseAddress(text)!);
    expect([wide, narrow, far, narrow, wide].map((address) => index.find(address!))).toEqual([1, 0, -1, 0, 1]);
  });
});
