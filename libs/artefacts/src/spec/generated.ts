import fc from 'fast-check';
import {
  bitsOf,
  hasPorts,
  isIcmp,
  parsePrefix,
  protocols,
  type AclEntry,
  type Family,
  type Interval,
  type Prefix,
} from '#net';

export const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (typeof parsed === 'string') throw new TypeError(`${text}: ${parsed}`);
  return parsed;
};
export const ports = (first: number, last = first): Interval<number> => ({ first, last });

export function entry(over: Partial<AclEntry> = {}): AclEntry {
  return {
    action: 'permit',
    family: 4,
    protocol: protocols.tcp,
    sourcePorts: null,
    destination: null,
    destinationPorts: null,
    established: false,
    ...over,
  };
}

/** Few addresses and ports, so that lines overlap and their order matters; of both families, and at the ends of the space. */
const anyPrefix = (family: Family): fc.Arbitrary<Prefix> => {
  const bits = bitsOf(family);
  const base = 0x0a00_0000n << BigInt(bits - 32);
  return fc
    .tuple(
      fc.constantFrom(0, 1, 8, 24, bits - 9, bits - 2, bits - 1, bits),
      fc.bigInt({ min: 0n, max: 3n }),
      fc.boolean(),
    )
    .map(([length, low, isTop]) => {
      const value = isTop ? (1n << BigInt(bits)) - 1n - low : base + low;
      const rest = (1n << BigInt(bits - length)) - 1n;
      return { family, length, value: value & ~rest };
    });
};

const anyPorts = (top: number): fc.Arbitrary<Interval<number>> =>
  fc
    .tuple(fc.constantFrom(0, 1, 2, 3, 7, 8, 129, top - 1, top), fc.constantFrom(0, 1, 2, 3, 7, 8, 129, top - 1, top))
    .map(([a, b]) => ports(Math.min(a, b), Math.max(a, b)));

export const anyEntry: fc.Arbitrary<AclEntry> = fc.constantFrom<Family>(4, 6).chain((family) =>
  fc.constantFrom(null, family === 4 ? 1 : 58, 6, 6, 17, 47, 132).chain((protocol) => {
    const ported = protocol !== null && hasPorts(protocol);
    const typed = protocol !== null && isIcmp(protocol);
    return fc.record({
      action: fc.constantFrom('permit' as const, 'permit' as const, 'deny' as const),
      family: fc.constant(family),
      protocol: fc.constant(protocol),
      sourcePorts: ported ? fc.option(anyPorts(0xffff)) : fc.constant(null),
      destination: fc.option(anyPrefix(family)),
      destinationPorts: ported ? fc.option(anyPorts(0xffff)) : typed ? fc.option(anyPorts(255)) : fc.constant(null),
      established: protocol === 6 ? fc.boolean() : fc.constant(false),
    });
  }),
);

export const anyAcl = fc.array(anyEntry, { maxLength: 8 });
