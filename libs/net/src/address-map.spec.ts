import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressMap } from './address-map.js';
import type { Address } from './address.js';

const narrow = fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value): Address => ({ family: 4, value }));
const wide = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value): Address => ({ family: 6, value }));
/** Few bits, anywhere: addresses that share most of their words, and are the same number in the other family. */
const alike = fc
  .record({ family: fc.constantFrom<4 | 6>(4, 6), value: fc.nat(7), shift: fc.constantFrom(0n, 29n, 32n, 64n, 96n) })
  .map(({ family, value, shift }): Address => ({ family, value: BigInt(value) << (family === 4 ? 0n : shift) }));
const addresses = fc.oneof(narrow, wide, alike);

const keyOf = ({ family, value }: Address): string => `${family} ${value}`;

describe('a map by address', () => {
  it('has what was set last, and of nothing else, as a map by text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(addresses, fc.nat()), { maxLength: 200 }),
        fc.array(addresses),
        (entries, others) => {
          const map = new AddressMap<number>();
          const expected = new Map<string, number>();
          for (const [address, value] of entries) {
            map.set(address, value);
            expected.set(keyOf(address), value);
          }
          for (const address of [...entries.map(([one]) => ({ ...one })), ...others])
            expect(map.get(address)).toBe(expected.get(keyOf(address)));
          expect(map.size).toBe(expected.size);
        },
      ),
    );
  });

  it('forgets what was deleted and nothing else, in a copy apart from the other', () => {
    const step = fc.tuple(fc.constantFrom('set', 'delete', 'copy'), addresses, fc.nat(3));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        let map = new AddressMap<number>();
        let expected = new Map<string, number>();
        const left: (readonly [AddressMap<number>, Map<string, number>])[] = [];
        const seen: Address[] = [];
        for (const [what, address, value] of steps) {
          seen.push(address);
          if (what === 'set') {
            map.set(address, value);
            expected.set(keyOf(address), value);
          } else if (what === 'delete') {
            const one = seen[value * 7] ?? address;
            map.delete(one);
            expected.delete(keyOf(one));
          } else {
            left.push([map, expected]);
            [map, expected] = [map.copy(), new Map(expected)];
          }
        }
        for (const [one, other] of [...left, [map, expected] as const]) {
          expect(one.size).toBe(other.size);
          for (const address of seen) expect(one.get(address)).toBe(other.get(keyOf(address)));
        }
      }),
    );
  });

  it('finds those behind one that was deleted', () => {
    const map = new AddressMap<number>();
    const at = (i: number): Address => ({ family: 4, value: BigInt(i * 7) });
    for (let i = 0; i < 4000; i++) map.set(at(i), i);
    for (let i = 0; i < 4000; i += 3) map.delete(at(i));
    for (let i = 0; i < 4000; i++) expect(map.get(at(i))).toBe(i % 3 === 0 ? undefined : i);
    expect(map.size).toBe(2666);
  });

  it('does not grow by addresses that come and go', () => {
    const map = new AddressMap<number>();
    for (let i = 0; i < 100_000; i++) {
      map.set({ family: 4, value: BigInt(i) }, 1);
      map.delete({ family: 4, value: BigInt(i) });
    }
    expect(map.size).toBe(0);
    expect(map.get({ family: 4, value: 99_999n })).toBeUndefined();
  });

  it('tells the same hosts of many networks apart', () => {
    const map = new AddressMap<number>();
    const at = (i: number): Address => ({
      family: 6,
      value: (0xfd10n << 112n) + (BigInt(i >> 6) << 64n) + BigInt(i & 63),
    });
    for (let i = 0; i < 20_000; i++) map.set(at(i), i);
    for (let i = 0; i < 20_000; i++) expect(map.get(at(i))).toBe(i);
    expect(map.get(at(20_000))).toBeUndefined();
  });
});
