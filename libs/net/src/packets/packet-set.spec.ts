import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, maxOf, parseAddress, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { hasPorts, isIcmp, parseService, serviceAlgebra, serviceKey } from '../service.js';
import type { ConcretePacket, PacketMatch, PacketPart } from './packet.js';
import type { PacketSet } from './packet-set.js';
import { PacketSpace } from './packet-space.js';

const service = (...texts: string[]) => serviceAlgebra.normalize(texts.map((text) => parseService(text)!));
const at = (text: string) => parseAddress(text)!;
const range = (first: string, last = first): Interval<bigint> => ({ first: at(first).value, last: at(last).value });

/** The meaning of a match, one packet at a time. */
function matches(match: PacketMatch, packet: ConcretePacket): boolean {
  const within = <T extends number | bigint>(set: readonly Interval<T>[] | undefined, value: T): boolean =>
    set === undefined || set.some(({ first, last }) => first <= value && value <= last);
  if (match.family !== undefined && match.family !== packet.destination.family) return false;
  if (!within(match.services, serviceKey(packet.protocol, packet.port))) return false;
  if (!within(match.destination, packet.destination.value) || !within(match.source, packet.source.value)) return false;
  if (match.sourcePorts && !(hasPorts(packet.protocol) && within(match.sourcePorts, packet.sourcePort))) return false;
  return match.established === undefined || match.established === packet.established;
}

/*
 * A small universe in which every border is near: addresses at the ends of 32-bit words, ports at the ends of ranges, all
 * kinds of protocols. Every condition is made of these values and their neighbours, so a mistake anywhere shows on some packet.
 */
const v4 = ['0.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.7', '255.255.255.255'];
const v6 = [
  '::',
  'fd00::1',
  'fd00::2',
  'fd00::ffff:ffff',
  'fd00::1:0:0',
  'fd00:0:0:1::',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
];
const protocolsAndPorts: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 0],
  [1, 8],
  [1, 255],
  [6, 0],
  [6, 80],
  [6, 81],
  [6, 0xffff],
  [17, 53],
  [50, 0],
  [57, 0],
  [58, 128],
  [58, 255],
  [59, 0],
  [132, 80],
  [255, 0],
];
const universe: ConcretePacket[] = [v4, v6].flatMap((addresses) =>
  addresses.flatMap((destination) =>
    addresses.slice(0, 3).flatMap((source) =>
      protocolsAndPorts
        .filter(([protocol]) => protocol !== (addresses === v4 ? 58 : 1))
        .flatMap(([protocol, port]) =>
          (hasPorts(protocol) ? [0, 1024] : [0]).flatMap((sourcePort) =>
            (protocol === 6 ? [false, true] : [false]).map((established) => ({
              source: at(source),
              destination: at(destination),
              protocol,
              port,
              sourcePort,
              established,
            })),
          ),
        ),
    ),
  ),
);

const intervals = <T extends number | bigint>(values: readonly T[]) =>
  fc
    .array(fc.tuple(fc.constantFrom(...values), fc.constantFrom(...values)), { minLength: 1, maxLength: 3 })
    .map((pairs) => pairs.map(([a, b]) => (a <= b ? { first: a, last: b } : { first: b, last: a })));
const addressesOf = (family: Family) => {
  const values = (family === 4 ? v4 : v6).map((text) => at(text).value);
  const near = values.flatMap((value) => [value, value + 1n, value - 1n].filter((v) => v >= 0n && v <= maxOf(family)));
  return intervals(near).map((list) => normalizeAddresses(list));
};
const normalizeAddresses = (list: readonly Interval<bigint>[]): Interval<bigint>[] => {
  const sorted = [...list].sort((a, b) => (a.first < b.first ? -1 : 1));
  const out: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const top = out.at(-1);
    if (top && first <= top.last + 1n) top.last = last > top.last ? last : top.last;
    else out.push({ first, last });
  }
  return out;
};
const serviceValues = protocolsAndPorts.flatMap(([protocol, port]) => [
  serviceKey(protocol, port),
  serviceKey(protocol, Math.min(port + 1, 0xffff)),
  serviceKey(protocol, 0xffff),
]);
const services = intervals(serviceValues).map((list) => serviceAlgebra.normalize(list));
const sourcePorts = intervals([0, 1, 1023, 1024, 0xffff]).map((list) => serviceAlgebra.normalize(list));
const match: fc.Arbitrary<PacketMatch> = fc.constantFrom<Family | undefined>(4, 6, undefined).chain((family) =>
  fc
    .record(
      {
        services,
        sourcePorts,
        established: fc.boolean(),
        ...(family && { destination: addressesOf(family), source: addressesOf(family) }),
      },
      { requiredKeys: [] },
    )
    .map((rest) => ({ ...rest, ...(family && { family }) })),
);

/** A set and its meaning, made together. */
interface Both {
  readonly set: (space: PacketSpace) => PacketSet;
  readonly has: (packet: ConcretePacket) => boolean;
}
const { expression } = fc.letrec<{ expression: Both }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    match.map((conditions): Both => ({
      set: (space) => space.match(conditions),
      has: (packet) => matches(conditions, packet),
    })),
    fc
      .tuple(tie('expression'), tie('expression'), fc.constantFrom('union', 'intersect', 'subtract'))
      .map(([a, b, operation]): Both => ({
        set: (space) => a.set(space)[operation](b.set(space)),
        has: (packet) => {
          const [x, y] = [a.has(packet), b.has(packet)];
          return operation === 'union' ? x || y : operation === 'intersect' ? x && y : x && !y;
        },
      })),
  ),
}));

const hasPart = (part: PacketPart, packet: ConcretePacket): boolean =>
  matches(
    {
      family: part.family,
      services: part.services,
      destination: part.destination,
      source: part.source,
      ...(part.sourcePorts && { sourcePorts: part.sourcePorts }),
      ...(part.established !== null && { established: part.established }),
    },
    packet,
  );

describe('a packet set', () => {
  it('holds exactly the packets that its conditions say', () => {
    fc.assert(
      fc.property(expression, (both) => {
        const set = both.set(new PacketSpace());
        for (const packet of universe) expect(set.has(packet)).toBe(both.has(packet));
      }),
    );
  });

  it('is one and the same for equal sets, however they were made', () => {
    fc.assert(
      fc.property(expression, expression, expression, (x, y, z) => {
        const space = new PacketSpace();
        const [a, b, c] = [x.set(space), y.set(space), z.set(space)];
        const same = (left: PacketSet, right: PacketSet): void => expect(left.equals(right)).toBe(true);
        const not = (set: PacketSet): PacketSet => space.all.subtract(set);
        same(a.union(b), b.union(a));
        same(a.intersect(b), b.intersect(a));
        same(a.union(b).union(c), a.union(b.union(c)));
        same(a.intersect(b.union(c)), a.intersect(b).union(a.intersect(c)));
        same(a.union(b.intersect(c)), a.union(b).intersect(a.union(c)));
        same(not(a.union(b)), not(a).intersect(not(b)));
        same(not(not(a)), a);
        same(a.subtract(b), a.intersect(not(b)));
        same(a.union(a.intersect(b)), a);
        same(space.union([a, b, c]), a.union(b).union(c));
        expect(a.intersect(b).isEmpty).toBe(!a.meets(b));
        expect(a.isSubsetOf(b)).toBe(a.union(b).equals(b));
      }),
    );
  });

  it('is what its parts say, and its parts are disjoint', () => {
    fc.assert(
      fc.property(expression, (both) => {
        const space = new PacketSpace();
        const set = both.set(space);
        const parts = set.parts();
        for (const packet of universe) {
          const holders = parts.filter((part) => hasPart(part, packet));
          expect(holders.length).toBe(set.has(packet) ? 1 : 0);
        }
        const again = space.union(
          parts.map(({ sourcePorts, established, ...rest }) =>
            space.match({ ...rest, ...(sourcePorts && { sourcePorts }), ...(established !== null && { established }) }),
          ),
        );
        expect(again.equals(set)).toBe(true);
      }),
    );
  });

  it('has as many packets as its disjoint pieces have, and a witness iff it has any', () => {
    fc.assert(
      fc.property(expression, expression, (x, y) => {
        const space = new PacketSpace();
        const [a, b] = [x.set(space), y.set(space)];
        expect(a.union(b).size + a.intersect(b).size).toBe(a.size + b.size);
        expect(a.size + space.all.subtract(a).size).toBe(space.all.size);
        expect(a.isEmpty).toBe(a.size === 0n);
        expect(a.witness === null).toBe(a.isEmpty);
        if (a.witness) expect(a.has(a.witness) && x.has(a.witness)).toBe(true);
      }),
    );
  });

  it.each<[string, PacketMatch, bigint]>([
    [
      'one TCP port of one host to another, established or not, from any port',
      { family: 4, services: service('tcp/443'), destination: [range('10.0.0.1')], source: [range('10.0.0.2')] },
      2n * 65_536n,
    ],
    [
      'the same from one port',
      {
        family: 4,
        services: service('tcp/443'),
        destination: [range('10.0.0.1')],
        source: [range('10.0.0.2')],
        sourcePorts: [{ first: 9, last: 9 }],
      },
      2n,
    ],
    [
      'UDP knows no established',
      {
        family: 4,
        services: service('udp/53'),
        destination: [range('10.0.0.1')],
        source: [range('10.0.0.2')],
        sourcePorts: [{ first: 9, last: 9 }],
      },
      1n,
    ],
    [
      'ICMP has 256 types',
      { family: 4, services: service('icmp'), destination: [range('10.0.0.1')], source: [range('10.0.0.2')] },
      256n,
    ],
    ['ICMPv6 does not exist in IPv4', { family: 4, services: service('icmp6') }, 0n],
    [
      'a protocol without ports is one packet',
      { family: 4, services: service('ip/50'), destination: [range('10.0.0.1')], source: [range('10.0.0.2')] },
      1n,
    ],
    [
      'an IPv6 /64 has 2⁶⁴ addresses',
      {
        family: 6,
        services: service('ip/50'),
        destination: [range('fd00::', 'fd00::ffff:ffff:ffff:ffff')],
        source: [range('::')],
      },
      1n << 64n,
    ],
    [
      'only TCP, UDP and SCTP have source ports',
      { family: 4, services: service('ip/50', 'icmp'), sourcePorts: [{ first: 0, last: 0xffff }] },
      0n,
    ],
    ['only TCP is ever established', { family: 4, services: service('udp', 'icmp'), established: true }, 0n],
  ])('%s', (_, conditions, packets) => {
    const set = new PacketSpace().match(conditions);
    expect(set.size).toBe(packets);
    expect(set.isEmpty).toBe(packets === 0n);
  });

  it('says "any" in one part for each family', () => {
    const space = new PacketSpace();
    expect(
      space.all.parts().map(({ family, services, sourcePorts, established, destination }) => ({
        family,
        services,
        sourcePorts,
        established,
        destination,
      })),
    ).toEqual(
      ([4, 6] as const).map((family) => ({
        family,
        services: [{ first: 0, last: 0xff_ffff }],
        sourcePorts: null,
        established: null,
        destination: [{ first: 0n, last: maxOf(family) }],
      })),
    );
  });

  it('takes ICMP with all its types, and a protocol without ports, as the whole protocol', () => {
    const space = new PacketSpace();
    const whole = space.match({ services: service('icmp', 'ip/50') });
    const types = space.match({
      services: [
        { first: serviceKey(1, 0), last: serviceKey(1, 255) },
        { first: serviceKey(50, 0), last: serviceKey(50, 0) },
      ],
    });
    expect(types.equals(whole)).toBe(true);
    expect(isIcmp(1) && types.parts()[0]!.services).toEqual(service('icmp', 'ip/50'));
  });

  it('names the lowest packet as its witness', () => {
    const { witness } = new PacketSpace().match({
      family: 6,
      services: service('udp/53-60'),
      destination: [range('fd00::5', 'fd00::9')],
    });
    expect(witness).toMatchObject({ protocol: 17, port: 53, sourcePort: 0, established: false });
    expect(formatAddress(witness!.destination)).toBe('fd00::5');
  });

  it('is not combined with a set of another space', () => {
    expect(() => new PacketSpace().all.union(new PacketSpace().all)).toThrow(TypeError);
  });

  it('needs a family to match addresses', () => {
    expect(() => new PacketSpace().match({ destination: [range('10.0.0.1')] })).toThrow(TypeError);
  });
});

describe('a first-match list', () => {
  it('permits what its first matching line permits, and nothing that no line matches', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), match), { maxLength: 8 }), (lines) => {
        const space = new PacketSpace();
        const set = space.firstMatch(
          lines.map(([permits, conditions]) => ({ permits, matches: space.match(conditions) })),
        );
        for (const packet of universe)
          expect(set.has(packet)).toBe(lines.find(([, conditions]) => matches(conditions, packet))?.[0] ?? false);
      }),
    );
  });
});
