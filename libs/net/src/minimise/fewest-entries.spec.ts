import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAlgebra, addressSet, families, maxOf, parseRange, type AddressSet, type Family } from '../address.js';
import { PacketSpace } from '../packets/packet-space.js';
import { anyService, parseService, serviceAlgebra, type ServiceSet } from '../service.js';
import { portAclAbilities, type Abilities, type MatchLine, type PacketRegion } from './abilities.js';
import { AddressTable } from './address-table.js';
import { wantedAxes } from './axes.js';
import { FamilyList } from './family-list.js';
import { EntryMinimiser, fewestEntries } from './fewest-entries.js';
import { permitsExactly } from './proof.js';
import { cells, regionsOfSet, shortestOfAll } from './spec/every-list.js';
import { entriesOfTerms, groupedEntries } from './spec/naive-entries.js';
import { lineOfEntry, packetsOfLines, packetsOfRegions } from './spec/packets.js';
import { tidyLines } from './tidy.js';
import { countLines, portMasks } from './weight.js';

const services = (...texts: string[]): ServiceSet => serviceAlgebra.normalize(texts.map((text) => parseService(text)!));
const addresses = (...texts: string[]): AddressSet => addressSet(texts.map((text) => parseRange(text)!));
const opening = (to: AddressSet, ...texts: string[]): PacketRegion => ({
  addresses: to,
  services: texts[0] === 'any' ? anyService : services(...texts),
  sourcePorts: null,
  established: false,
});
const reply = (to: AddressSet, port: number): PacketRegion => ({
  addresses: to,
  services: services('tcp'),
  sourcePorts: [{ first: port, last: port }],
  established: true,
});
const everywhere = addresses('0.0.0.0/0', '::/0');
const outside = (...texts: string[]): AddressSet => {
  const internal = addresses(...texts);
  return {
    v4: addressAlgebra.subtract(everywhere.v4, internal.v4),
    v6: addressAlgebra.subtract(everywhere.v6, internal.v6),
  };
};

/* Few addresses and ports, near one another, so that everything overlaps and touches; and wide sets with holes. */
const hosts = fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 3 })), {
  minLength: 1,
  maxLength: 3,
});
const ranges = fc.tuple(fc.constantFrom<Family>(4, 6), hosts).map(([family, list]) =>
  addressSet(
    list.map(([host, more]) => {
      const first = (10n << BigInt(family === 4 ? 24 : 120)) + BigInt(host);
      return { family, first, last: first + BigInt(more) };
    }),
  ),
);
const someAddresses = fc.oneof(
  { weight: 5, arbitrary: ranges },
  { weight: 1, arbitrary: fc.tuple(ranges, ranges).map(([a, b]) => ({ v4: [...a.v4], v6: [...b.v6] })) },
  {
    weight: 1,
    arbitrary: ranges.map(({ v4, v6 }) => ({
      v4: addressAlgebra.subtract(everywhere.v4, v4),
      v6: addressAlgebra.subtract(everywhere.v6, v6),
    })),
  },
);
const texts = [
  'tcp/80',
  'tcp/81',
  'tcp/82',
  'tcp/80-82',
  'tcp/84',
  'tcp/0-79',
  'tcp',
  'udp/53',
  'udp/55',
  'udp/53-57',
].concat(['udp', 'icmp/8', 'icmp', 'icmp6/133', 'icmp6/135-136', 'ip/50', 'sctp/80', 'any']);
const someServices = fc
  .uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 })
  .map((list) => services(...list));
const openings = fc
  .tuple(someAddresses, someServices)
  .map(([to, what]): PacketRegion => ({ addresses: to, services: what, sourcePorts: null, established: false }));
const sources = fc.constantFrom(
  null,
  [{ first: 80, last: 80 }],
  [{ first: 81, last: 84 }],
  [{ first: 5000, last: 5003 }],
);
const replies = fc
  .tuple(someAddresses, fc.constantFrom('tcp', 'udp', 'tcp/80', 'any'), sources, fc.boolean())
  .map(([to, what, sourcePorts, established]): PacketRegion => ({
    addresses: to,
    services: services(what),
    sourcePorts,
    established,
  }));
const region = fc.oneof({ weight: 3, arbitrary: openings }, { weight: 1, arbitrary: replies });
const regions = fc.array(region, { minLength: 1, maxLength: 7 });
const abilities: fc.Arbitrary<Abilities> = fc.record({
  addresses: fc.constantFrom('prefix', 'range', 'set'),
  ports: fc.record({ form: fc.constantFrom('range', 'mask'), most: fc.constantFrom(1, 2, 15) }),
  icmpTypes: fc.constantFrom('range', 'single'),
  protocols: fc.constantFrom('one', 'set'),
  families: fc.constantFrom('one', 'both'),
  denies: fc.boolean(),
  established: fc.boolean(),
});

function fits(line: MatchLine, can: Abilities): boolean {
  const { family, protocols, sourcePorts, destination, destinationPorts, established, action } = line;
  const ranges = destination?.length ?? 0;
  return (
    (can.denies || action === 'permit') &&
    (can.established || !established) &&
    (family === null ? can.families === 'both' && destination === null : true) &&
    (protocols === null || can.protocols === 'set' || protocols.length === 1) &&
    [sourcePorts, destinationPorts].every((ports) => ports === null || ports.length <= can.ports.most) &&
    (can.addresses === 'set' || ranges <= 1) &&
    (can.addresses !== 'prefix' || destination === null || isPrefix(destination[0]!, family!))
  );
}

function isPrefix({ first, last }: { first: bigint; last: bigint }, family: Family): boolean {
  const size = last - first + 1n;
  return (size & (size - 1n)) === 0n && first % size === 0n && last <= maxOf(family);
}

describe('fewestEntries', () => {
  it('permits exactly what it is given, in lines that the target can say', () => {
    fc.assert(
      fc.property(regions, abilities, (list, can) => {
        const lines = fewestEntries(list, can);
        if (!lines) {
          expect(!can.established && list.some(({ established }) => established)).toBe(true);
          return;
        }
        const space = new PacketSpace();
        expect(packetsOfLines(space, lines).equals(packetsOfRegions(space, list))).toBe(true);
        for (const line of lines) expect(fits(line, can)).toBe(true);
      }),
      { numRuns: 600 },
    );
  });

  it('needs its plain list for nothing: the short one always proves equal', () => {
    fc.assert(
      fc.property(regions, abilities, (list, can) => {
        const tables = { 4: new AddressTable(4, can), 6: new AddressTable(6, can) };
        const short = families.flatMap((family) =>
          new FamilyList(tables[family], can).shortest(wantedAxes(list, tables[family])),
        );
        const isExact = (lines: readonly MatchLine[]): boolean =>
          families.every((family) => permitsExactly(lines, list, tables[family]));
        expect(isExact(short)).toBe(true);
        expect(isExact(tidyLines(short, can))).toBe(true);
        const plain = families.flatMap((family) =>
          new FamilyList(tables[family], can).plain(wantedAxes(list, tables[family])),
        );
        expect(isExact(plain)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never needs more lines than services grouped by addresses, or than a line for each term, prefix and port range', () => {
    fc.assert(
      fc.property(regions, fc.constantFrom<Abilities['icmpTypes']>('single', 'range'), (list, icmpTypes) => {
        const can = { ...portAclAbilities, icmpTypes };
        const count = countLines(fewestEntries(list, can)!, can);
        const grouped = groupedEntries(list).map(lineOfEntry);
        const terms = entriesOfTerms(list).map(lineOfEntry);
        expect(count).toBeLessThanOrEqual(Math.min(countLines(grouped, can), countLines(terms, can)));
        const space = new PacketSpace();
        expect(packetsOfLines(space, grouped).equals(packetsOfRegions(space, list))).toBe(true);
      }),
      { numRuns: 250 },
    );
  });

  /* Farms in blocks that are siblings, neighbours or far from one another. */
  const farms = fc
    .tuple(
      fc.constantFrom(0, 1, 2, 3, 5, 8, 40),
      fc.array(fc.tuple(fc.nat(7), fc.nat(3)), { minLength: 1, maxLength: 2 }),
    )
    .map(([block, hosts]) =>
      addressSet(
        hosts.map(([host, more]) => {
          const first = (10n << 24n) + BigInt(block * 8 + host);
          return { family: 4, first, last: first + BigInt(more) };
        }),
      ),
    );
  const farmRegions = fc.array(
    fc.oneof(
      fc.tuple(farms, someServices).map(([to, what]): PacketRegion => ({
        addresses: to,
        services: what,
        sourcePorts: null,
        established: false,
      })),
      fc.tuple(farms, fc.constantFrom('tcp', 'udp'), sources).map(([to, what, sourcePorts]): PacketRegion => ({
        addresses: to,
        services: services(what),
        sourcePorts,
        established: what === 'tcp',
      })),
    ),
    { minLength: 1, maxLength: 8 },
  );

  it('is exact where groups of regions are said apart, and not longer on the whole than in one search', () => {
    const lists = fc.sample(farmRegions, 500);
    const table = new AddressTable(4, portAclAbilities);
    const inOneSearch = (list: readonly PacketRegion[]): readonly MatchLine[] =>
      tidyLines(new FamilyList(table, portAclAbilities).shortest(wantedAxes(list, table)), portAclAbilities);
    const lengths = lists.map((list) => {
      const lines = fewestEntries(list, portAclAbilities)!;
      const space = new PacketSpace();
      expect(packetsOfLines(space, lines).equals(packetsOfRegions(space, list))).toBe(true);
      return { apart: countLines(lines, portAclAbilities), together: countLines(inOneSearch(list), portAclAbilities) };
    });
    const sum = (of: 'apart' | 'together'): number => lengths.reduce((total, length) => total + length[of], 0);
    expect(sum('apart')).toBeLessThanOrEqual(sum('together'));
    // Both search: about one list in ten thousand is a line longer than the other way.
    for (const { apart, together } of lengths) expect(apart).toBeLessThanOrEqual(together + 1);
  });

  it('lets only one part of a list speak of all addresses, below the others', () => {
    const farm = (n: number): AddressSet => addresses(`10.0.${n}.10`);
    const closingGaps = [1, 2, 3].map((n) => opening(farm(n), 'tcp/104', 'tcp/2762'));
    const within = opening(farm(4), 'tcp/1000');
    const closingOthers = [5, 6, 7].map((n) => opening(farm(n), 'tcp/443', 'tcp/8443'));
    // Three permits and one deny for all addresses.
    expect(fewestEntries(closingGaps, portAclAbilities)).toHaveLength(4);
    expect(fewestEntries([...closingGaps, within], portAclAbilities)).toHaveLength(5);
    for (const list of [
      [...closingGaps, within],
      [...closingGaps, ...closingOthers],
      [...closingOthers, within, ...closingGaps],
    ]) {
      const space = new PacketSpace();
      const lines = fewestEntries(list, portAclAbilities)!;
      expect(packetsOfLines(space, lines).equals(packetsOfRegions(space, list))).toBe(true);
    }
  });

  it('gives the same list whatever was minimised before', () => {
    fc.assert(
      fc.property(regions, regions, (before, list) => {
        const minimiser = new EntryMinimiser(portAclAbilities, (line) => line);
        minimiser.minimise(before);
        expect(minimiser.minimise(list)).toEqual(fewestEntries(list, portAclAbilities));
      }),
    );
  });
});

describe('the proof', () => {
  it('agrees with the algebra of packet sets on lists that are wrong', () => {
    const change = fc.tuple(fc.constantFrom('drop', 'swap', 'flip', 'repeat'), fc.nat(), fc.nat());
    fc.assert(
      fc.property(regions, fc.array(change, { minLength: 1, maxLength: 2 }), (list, changes) => {
        let lines = [...fewestEntries(list, portAclAbilities)!];
        for (const [kind, a, b] of changes) {
          if (lines.length === 0) return;
          const [i, j] = [a % lines.length, b % lines.length];
          const line = lines[i]!;
          if (kind === 'drop') lines = lines.filter((_, n) => n !== i);
          if (kind === 'swap') [lines[i], lines[j]] = [lines[j]!, line];
          if (kind === 'flip') lines[i] = { ...line, action: line.action === 'permit' ? 'deny' : 'permit' };
          const [protocol] = line.protocols ?? [];
          if (kind === 'repeat' && protocol !== undefined && lines[j]!.protocols?.[0] === protocol)
            lines[j] = { ...lines[j]!, destinationPorts: line.destinationPorts };
        }
        const tables = { 4: new AddressTable(4, portAclAbilities), 6: new AddressTable(6, portAclAbilities) };
        const space = new PacketSpace();
        const isEqual = packetsOfLines(space, lines).equals(packetsOfRegions(space, list));
        expect(families.every((family) => permitsExactly(lines, list, tables[family]))).toBe(isEqual);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('where the shortest list of every set is known', () => {
  const lengths = shortestOfAll();
  const setsOf = (length: number): number[] =>
    Array.from({ length: 1 << cells }, (_, set) => set).filter((set) => lengths[set] === length);
  const minimiser = new EntryMinimiser(portAclAbilities, (line) => line);
  const excess = (set: number): number => minimiser.minimise(regionsOfSet(set))!.length - lengths[set]!;

  it.each([1, 2])('finds all lists of %i lines', (length) => {
    for (const set of setsOf(length)) expect(excess(set)).toBe(0);
  });

  it.each([
    [3, 0.9, 1],
    [4, 0.75, 3],
    [6, 0.6, 4],
  ])('of %i lines, finds at least a share of %d, and never needs more than %i lines more', (length, share, most) => {
    const sets = setsOf(length);
    const sample = sets.filter((_, i) => i % Math.ceil(sets.length / 500) === 0);
    const found = sample.map(excess);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...found)).toBeLessThanOrEqual(most);
    expect(found.filter((more) => more === 0).length / found.length).toBeGreaterThanOrEqual(share);
  });
});

const internal = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'];
const dualStack = addresses('10.10.2.8/30', '10.10.2.20', '10.10.2.30', 'fd10:2::8/126', 'fd10:2::20', 'fd10:2::30');

describe('a hospital list', () => {
  it.each<[string, PacketRegion[], Partial<Abilities>, number]>([
    [
      'three DICOM ports of three servers share lines, with the gaps closed above',
      [opening(dualStack, 'tcp/104', 'tcp/2762', 'tcp/11112')],
      {},
      10,
    ],
    ['nothing is gained for one server', [opening(addresses('10.0.0.1'), 'tcp/80', 'tcp/443', 'tcp/8443')], {}, 3],
    [
      'what two services have in common is said once',
      [opening(addresses('10.0.0.1', '10.0.0.8'), 'tcp/80'), opening(addresses('10.0.0.1'), 'tcp/81')],
      {},
      2,
    ],
    [
      'the internet for three services: the inside is closed once',
      [opening(outside(...internal), 'tcp/80', 'tcp/443', 'udp/123')],
      {},
      4 + 6,
    ],
    [
      'with servers inside, too',
      [
        opening(outside(...internal), 'tcp/80', 'tcp/443', 'udp/123'),
        opening(addresses('10.0.0.1'), 'tcp/443'),
        opening(addresses('10.0.0.2'), 'udp/53'),
      ],
      {},
      4 + 6 + 2,
    ],
    [
      'who may open connections to all ports may answer, too',
      [opening(addresses('10.0.0.1'), 'tcp'), reply(addresses('10.0.0.1'), 80)],
      {},
      1,
    ],
    ['everything to one server but remote shells', [opening(addresses('10.0.0.1'), 'tcp/0-21', 'tcp/24-65535')], {}, 2],
    ['any but one service', [opening(everywhere, 'any'), { ...opening(everywhere, 'tcp/25'), services: [] }], {}, 2],
    [
      'port lists hold several ports',
      [opening(dualStack, 'tcp/104', 'tcp/2762', 'tcp/11112')],
      { ports: { form: 'range', most: 15 } },
      6,
    ],
    [
      'address sets hold several servers',
      [opening(dualStack, 'tcp/104', 'tcp/2762', 'tcp/11112')],
      { addresses: 'set' },
      6,
    ],
    [
      'both hold everything',
      [opening(dualStack, 'tcp/104', 'tcp/2762', 'udp/104', 'udp/2762')],
      { addresses: 'set', ports: { form: 'range', most: 15 }, protocols: 'set' },
      2,
    ],
    ['both families in one line', [opening(everywhere, 'tcp/443')], { families: 'both' }, 1],
    [
      'a masked port range costs its masks',
      [opening(addresses('10.0.0.1'), 'tcp/5-8')],
      { ports: { form: 'mask', most: 1 } },
      3,
    ],
    ['without denies, each prefix is said', [opening(outside('10.0.0.0/8'), 'tcp/80')], { denies: false }, 8 + 1],
    ['address ranges', [opening(addresses('10.0.0.1-10.0.0.9'), 'tcp/80')], { addresses: 'range' }, 1],
  ])('%s', (_, list, can, count) => {
    const target = { ...portAclAbilities, ...can };
    expect(countLines(fewestEntries(list, target)!, target)).toBe(count);
  });

  it('can not be written where replies need a flag that the target does not know', () => {
    expect(fewestEntries([reply(everywhere, 80)], { ...portAclAbilities, established: false })).toBeNull();
  });
});

describe('portMasks', () => {
  it('hold exactly the ports', () => {
    const port = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(port, port, port, (a, b, probe) => {
        const range = { first: Math.min(a, b), last: Math.max(a, b) };
        const masks = portMasks(range);
        for (const at of [probe, range.first, range.last, range.first - 1, range.last + 1]) {
          if (at < 0 || at > 0xffff) continue;
          const hits = masks.filter(({ value, mask }) => (at & mask) === value).length;
          expect(hits).toBe(range.first <= at && at <= range.last ? 1 : 0);
        }
      }),
    );
  });
});
