import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressPartition } from './address-partition.js';
import { addressSet, hasAddress, parseAddress, parseRange, rangesOf, type Address } from './address.js';

const set = (...texts: string[]) => addressSet(texts.map((text) => parseRange(text)!));
const at = (text: string): Address => parseAddress(text)!;

const host = fc.integer({ min: 0, max: 31 });
const text = fc.oneof(
  fc.tuple(host, host).map(([a, b]) => `10.0.0.${Math.min(a, b)}-10.0.0.${Math.max(a, b)}`),
  fc.tuple(host, host).map(([a, b]) => `fd00::${Math.min(a, b).toString(16)}-fd00::${Math.max(a, b).toString(16)}`),
);
const sets = fc.array(
  fc.array(text, { maxLength: 4 }).map((texts) => set(...texts)),
  { maxLength: 6 },
);
const universe = Array.from({ length: 34 }, (_, i) => [at(`10.0.0.${i}`), at(`fd00::${i.toString(16)}`)]).flat();

const inside = (atoms: readonly { first: number; last: number }[], atom: number): boolean =>
  atoms.some(({ first, last }) => first <= atom && atom <= last);

describe('a partition of addresses', () => {
  it('puts two addresses into one atom exactly when no set tells them apart', () => {
    fc.assert(
      fc.property(sets, (given) => {
        const partition = new AddressPartition(given);
        const holders = (address: Address): string => given.map((one) => hasAddress(one, address)).join();
        const byAtom = Map.groupBy(universe, (address) => partition.atomOf(address));
        for (const [atom, addresses] of byAtom) {
          expect(new Set(addresses.map(holders)).size).toBe(1);
          expect(atom === partition.rest).toBe(!holders(addresses[0]!).includes('true'));
        }
        expect(new Set(universe.map(holders)).size).toBe(byAtom.size);
      }),
    );
  });

  it('gives each set back from its atoms, once', () => {
    fc.assert(
      fc.property(sets, (given) => {
        const partition = new AddressPartition(given);
        for (const [i, one] of given.entries()) {
          const atoms = partition.atomsOf(i);
          expect(partition.union(atoms)).toEqual(one);
          expect(partition.union([...atoms])).toBe(partition.union(atoms));
          for (const address of universe)
            expect(inside(atoms, partition.atomOf(address))).toBe(hasAddress(one, address));
        }
        for (let atom = 0; atom < partition.count; atom++)
          for (const { family, first } of rangesOf(partition.addressesOf(atom)))
            expect(partition.atomOf({ family, value: first })).toBe(atom);
      }),
    );
  });

  it('numbers what lies together consecutively', () => {
    const servers = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => set(address));
    const partition = new AddressPartition([set('10.0.0.0/24'), ...servers]);
    expect(partition.atomsOf(0)).toEqual([{ first: 0, last: 3 }]);
  });
});
