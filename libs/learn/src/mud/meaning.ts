import {
  addressSet,
  families,
  familyOf,
  hasPorts,
  noAddresses,
  parseAddress,
  protocols,
  rangeOfPrefix,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  type AddressSet,
  type Family,
  type Interval,
  type PacketMatch,
  type PacketPart,
  type PacketSet,
  type PacketSpace,
  type Prefix,
  type ServiceSet,
} from '#net';
import type { ClassFlows } from '#policy';
import type { Direction, MudEntry, MudFile, MudMatches, MudPeer } from './mud-file.js';

/**
 * What the words of a file are in a network in which every name has addresses: who the device is, and who the others are. A
 * class is here where its devices are. Addresses of the device and of others are apart.
 */
export interface MudWorld {
  readonly device: AddressSet;
  /** Null: nobody knows. */
  readonly named: (name: string) => AddressSet | null;
  readonly peer: (peer: MudPeer) => AddressSet | null;
}

/** Sets of first packets of connections, by who opens. */
export type Openings = Readonly<Record<Direction, PacketSet>>;

/**
 * What the access lists of a MUD file mean, told from the lists alone, packet by packet: this knows nothing of rules,
 * applications, or of how the file is translated. A connection is allowed if its first packet passes, and every answer to it
 * does. `lists`: what each entry matches by itself, for those who ask what an entry would have allowed.
 */
export class MudMeaning {
  constructor(
    private readonly space: PacketSpace,
    private readonly file: MudFile,
    private readonly world: MudWorld,
  ) {}

  /** `oneWay`: whether answers pass does not count. */
  openings(oneWay = false): Openings {
    const of = (direction: Direction): PacketSet => {
      const opening = this.permitted(direction).subtract(this.space.match({ established: true }));
      if (oneWay) return opening;
      const other = direction === 'from-device' ? 'to-device' : 'from-device';
      return opening.intersect(this.answeredBy(this.permitted(other)));
    };
    return { 'from-device': of('from-device'), 'to-device': of('to-device') };
  }

  /** What an entry matches, whatever stands above it. */
  matchedBy(entry: MudEntry): PacketSet {
    const { space } = this;
    if (entry.family === null) return space.none;
    if (!entry.matches) return entry.accepts ? space.none : this.around(entry.family, entry.direction);
    return this.packets(entry, entry.matches);
  }

  private permitted(direction: Direction): PacketSet {
    const lines = this.file.entries[direction].map((entry) => ({
      permits: entry.accepts,
      matches: this.matchedBy(entry),
    }));
    return this.space.firstMatch(lines);
  }

  /** All packets from, or to, the device. */
  private around(family: Family, direction: Direction): PacketSet {
    const side = direction === 'from-device' ? 'source' : 'destination';
    return this.space.match({ family, [side]: familyOf(this.world.device, family) });
  }

  /** A condition that nobody can tell is not met by an accepting entry, and may be met by a drop. */
  private packets(entry: MudEntry, matches: MudMatches): PacketSet {
    const family = entry.family!;
    const isHeaderOnly = family === 6 && isHeader(matches.protocol);
    if (isHeaderOnly || (entry.accepts && !isPlainCode(matches)))
      return entry.accepts ? this.space.none : this.around(family, entry.direction);
    const conditions: PacketMatch = {
      family,
      services: servicesOf(matches),
      ...(matches.sourcePorts ? { sourcePorts: matches.sourcePorts } : {}),
      ...(matches.initiated !== null && matches.initiated !== entry.direction ? { established: true } : {}),
    };
    const far = entry.direction === 'from-device' ? 'destination' : 'source';
    const sides: Side[] = [
      ...named('source', matches.sourceName, this.world),
      ...named('destination', matches.destinationName, this.world),
      ...networkOf('source', matches.source),
      ...networkOf('destination', matches.destination),
      ...matches.peers.map((peer) => [far, this.world.peer(peer)] satisfies Side),
    ];
    return sides.reduce(
      (all, [side, addresses]) => {
        if (!addresses && !entry.accepts) return all;
        return all.intersect(this.space.match({ family, [side]: familyOf(addresses ?? noAddresses, family) }));
      },
      this.space.match(conditions).intersect(this.around(family, entry.direction)),
    );
  }

  /** First packets of which any answer is in the set, or that have no answer. */
  private answeredBy(answers: PacketSet): PacketSet {
    const { space } = this;
    const tcp: PacketMatch = { services: whole(protocols.tcp) };
    const inTcp = answers.intersect(space.match({ ...tcp, established: true }));
    const mirrored = [...inTcp.parts(), ...answers.subtract(space.match(tcp)).parts()].flatMap((part) =>
      this.mirrored(part),
    );
    const silent = [
      ...[protocols.icmp, protocols.icmp6].map((protocol) => {
        const request = protocol === protocols.icmp ? 8 : 128;
        return { services: serviceAlgebra.subtract(whole(protocol), one(protocol, request)) };
      }),
      ...silentGroups,
    ];
    return space.union([...mirrored, ...silent.map((match) => space.match(match))]);
  }

  private mirrored({ family, services, sourcePorts, source, destination }: PacketPart): PacketSet[] {
    const turned = { family, source: destination, destination: source };
    return services.flatMap(splitByProtocol).flatMap(({ protocol, ports }): PacketSet[] => {
      if (hasPorts(protocol)) {
        const to = (sourcePorts ?? everyPort).map(({ first, last }) => ({
          first: serviceKey(protocol, first),
          last: serviceKey(protocol, last),
        }));
        return [this.space.match({ ...turned, services: to, ...(ports ? { sourcePorts: [ports] } : {}) })];
      }
      if (protocol === protocols.icmp || protocol === protocols.icmp6) {
        const [request, reply] = protocol === protocols.icmp ? [8, 0] : [128, 129];
        const hasReply = !ports || (ports.first <= reply && reply <= ports.last);
        return hasReply ? [this.space.match({ ...turned, services: one(protocol, request) })] : [];
      }
      return [this.space.match({ ...turned, services: whole(protocol) })];
    });
  }
}

type Side = readonly ['source' | 'destination', AddressSet | null];

function named(side: Side[0], name: string | null, world: MudWorld): Side[] {
  if (name === null) return [];
  const address = parseAddress(name);
  if (!address) return [[side, world.named(name)]];
  return [[side, addressSet([{ family: address.family, first: address.value, last: address.value }])]];
}

const networkOf = (side: Side[0], network: Prefix | null): Side[] =>
  network ? [[side, addressSet([rangeOfPrefix(network)])]] : [];

const everyPort: readonly Interval<number>[] = [{ first: 0, last: 0xffff }];
const whole = (protocol: number): ServiceSet => [
  { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) },
];
const one = (protocol: number, port: number): ServiceSet => [
  { first: serviceKey(protocol, port), last: serviceKey(protocol, port) },
];

const isHeader = (protocol: number | null): boolean =>
  protocol !== null && [0, 43, 44, 60, 135, 139, 140].includes(protocol);

/** A packet set has no codes: those that echo always has say nothing, any other is not known here. */
function isPlainCode({ protocol, icmpType, icmpCode }: MudMatches): boolean {
  if (icmpCode === null) return true;
  const types = protocol === protocols.icmp6 ? [128, 129] : [8, 0];
  return icmpCode === 0 && icmpType !== null && types.includes(icmpType);
}

function servicesOf({ protocol, icmpType, destinationPorts }: MudMatches): ServiceSet {
  if (protocol === null) return [{ first: 0, last: 0xff_ffff }];
  if (icmpType !== null) return one(protocol, icmpType);
  return (destinationPorts ?? everyPort).map(({ first, last }) => ({
    first: serviceKey(protocol, first),
    last: serviceKey(protocol, last),
  }));
}

/** Broadcast and multicast (RFC 919, RFC 1112, RFC 4291 §2.7): nobody answers from such an address. */
const silentGroups: readonly PacketMatch[] = [
  { family: 4, destination: [{ first: 0xe000_0000n, last: 0xefff_ffffn }] },
  { family: 4, destination: [{ first: 0xffff_ffffn, last: 0xffff_ffffn }] },
  { family: 6, destination: [{ first: 0xff00n << 112n, last: (1n << 128n) - 1n }] },
];

/** What compiled flows of a class allow, as first packets. `classOf`: where devices of a peer class are. */
export function openingsOf(
  space: PacketSpace,
  flows: ClassFlows,
  device: AddressSet,
  classOf: (name: string) => AddressSet,
): Openings {
  const of = (direction: Direction): PacketSet => {
    const { allowed, denied, peersAllowed, peersDenied } = flows[direction === 'from-device' ? 'outbound' : 'inbound'];
    const set = (regions: readonly { addresses: AddressSet; services: ServiceSet }[]): PacketSet =>
      space.union(
        regions.flatMap(({ addresses, services }) =>
          families.map((family) => {
            const [own, far] = [familyOf(device, family), familyOf(addresses, family)];
            const [source, destination] = direction === 'from-device' ? [own, far] : [far, own];
            return space.match({ family, services, source, destination });
          }),
        ),
      );
    const peers = (list: typeof peersAllowed): { addresses: AddressSet; services: ServiceSet }[] =>
      list.map(({ peer, services }) => ({ addresses: classOf(peer), services }));
    const passes = set([...allowed, ...peers(peersAllowed)]);
    const stopped = set([...denied, ...peers(peersDenied)]);
    return passes.subtract(stopped).subtract(space.match({ established: true }));
  };
  return { 'from-device': of('from-device'), 'to-device': of('to-device') };
}
