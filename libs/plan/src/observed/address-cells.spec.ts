import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatAddress, hasAddress, rangesOf, type Address, type Family } from '#net';
import { policyFiles } from '#testkit';
import { planned } from '../spec/planned.js';
import { AddressCells } from './address-cells.js';
import { AddressNumbers } from './address-numbers.js';

const tiny = policyFiles();
const endpoints = tiny.get('catalog/endpoints.yaml')!.replaceAll('10.10.4.20', '10.10.4.0/26');
const before = planned(tiny).snapshot;
const after = planned(policyFiles({ 'catalog/endpoints.yaml': endpoints })).snapshot;

it('cells are held by the endpoints that hold their addresses, and are of one kind where these are the same', () => {
  const cells = new AddressCells(before, after);
  const index = new AddressNumbers();
  const both = [...before.endpoints, ...after.endpoints];
  const edges = both.flatMap(({ addresses }) =>
    rangesOf(addresses).flatMap(({ family, first, last }) =>
      [first - 1n, first, last, last + 1n].map((value): Address => ({ family, value })),
    ),
  );
  const any = fc.record({ family: fc.constantFrom<Family>(4, 6), value: fc.bigInt({ min: 0n, max: 0xffff_ffffn }) });
  const address = fc.oneof(fc.constantFrom(...edges), any).filter(({ family, value }) => {
    const bits = family === 4 ? 32n : 128n;
    return value >= 0n && value < 1n << bits;
  });
  const look = (one: Address) => {
    const text = Buffer.from(formatAddress(one));
    expect(index.of(text, 0, text.length)).toBeGreaterThanOrEqual(0);
    const cell = cells.of(index.octets);
    const holders = both.flatMap(({ addresses }, i) => (hasAddress(addresses, one) ? [i] : []));
    expect(cells.holdersOf[cell]).toEqual(holders);
    return { holders, kind: cells.kindOf[cell] };
  };
  fc.assert(
    fc.property(address, address, (a, b) => {
      const [left, right] = [look(a), look(b)];
      expect(left.kind === right.kind).toBe(left.holders.join() === right.holders.join());
    }),
    { numRuns: 500 },
  );
});
