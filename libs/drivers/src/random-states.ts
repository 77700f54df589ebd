import fc from 'fast-check';
import { noRules, type EnforcementState, type FlowEntry, type FlowSide } from '#model';
import {
  addressSet,
  families,
  formatAddress,
  serviceAlgebra,
  type Address,
  type AddressRange,
  type Family,
} from '#net';
import type { Packet } from './invariant.js';

/*
 * A universe so small that random rules and random packets meet: sixteen addresses a family, four of them at the ends of
 * the address space, five classes, few ports.
 */

const family = fc.constantFrom<Family>(...families);
export const top = { 4: 0xffff_ffffn, 6: (1n << 128n) - 1n } as const;
const value = (of: Family) =>
  fc.constantFrom(...Array.from({ length: 14 }, (_, i) => 0x0a14_0000n + BigInt(i)), 0n, top[of]);
const address: fc.Arbitrary<Address> = family.chain((of) => value(of).map((value) => ({ family: of, value })));
const range: fc.Arbitrary<AddressRange> = family.chain((of) =>
  fc.tuple(value(of), value(of)).map(([a, b]) => ({ family: of, first: a < b ? a : b, last: a < b ? b : a })),
);
const addresses = fc.array(range, { maxLength: 4 }).map(addressSet);
// names that need a hash, and one that could be mistaken for the scope's set
const classNames = ['pump', 'scope', '3d-printer', `long-${'x'.repeat(80)}`, 'in-scope'] as const;
const side: fc.Arbitrary<FlowSide> = fc.oneof(
  addresses.map((addresses): FlowSide => ({ kind: 'addresses', addresses })),
  fc.subarray([...classNames]).map((classes): FlowSide => ({ kind: 'classes', classes })),
);

const protocol = fc.constantFrom(1, 6, 17, 50, 58, 132);
const port = fc.constantFrom(0, 1, 2, 3, 8, 128, 255, 256, 443, 65_535);
const portLimit = (protocol: number): number =>
  protocol === 50 ? 0 : protocol === 1 || protocol === 58 ? 255 : 65_535;
const service = fc.oneof(
  fc.constant({ first: 0, last: 0xff_ffff }),
  protocol.map((p) => ({ first: p * 65_536, last: p * 65_536 + 65_535 })),
  // whole protocols side by side, and everything from some port on
  fc
    .tuple(protocol, fc.nat(9))
    .map(([p, more]) => ({ first: p * 65_536, last: Math.min(255, p + more) * 65_536 + 65_535 })),
  fc
    .tuple(fc.constantFrom(1, 6, 17, 58, 132), port, port)
    .map(([p, a, b]) => ({ first: p * 65_536 + Math.min(a, b), last: p * 65_536 + Math.max(a, b) })),
);
const entry: fc.Arbitrary<FlowEntry> = fc.record({
  // few ids, so that one line has several entries
  id: fc.constantFrom('00000000000a', '00000000000b', '00000000000c', 'd0000000000d'),
  action: fc.constantFrom('allow', 'allow', 'deny'),
  source: side,
  destination: side,
  services: fc.array(service, { maxLength: 3 }).map((list) => serviceAlgebra.normalize(list)),
  line: fc.constant('rules/flows.csv:1'),
});
export const membership = fc
  .tuple(
    ...classNames.map((name) =>
      fc.array(address, { maxLength: 4 }).map((list) => [name, new Set(list.map(formatAddress))] as const),
    ),
  )
  .map((rows) => new Map<string, ReadonlySet<string>>(rows));
export const state: fc.Arbitrary<EnforcementState> = fc.record({
  rules: fc
    .record({ scope: addresses, entries: fc.array(entry, { maxLength: 8 }) })
    .map((rules) => ({ ...noRules, ...rules })),
  membership,
  ports: fc.constant(new Map()),
});
export const packet: fc.Arbitrary<Packet> = family.chain((of) =>
  fc.tuple(value(of), value(of), protocol, port).map(([source, destination, protocol, port]) => ({
    source: { family: of, value: source },
    destination: { family: of, value: destination },
    protocol,
    port: Math.min(port, portLimit(protocol)),
  })),
);
