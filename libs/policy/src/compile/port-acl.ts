import {
  addressSet,
  families,
  familyOf,
  firstMatchPrefixes,
  isEmptyAddressSet,
  isIcmp,
  noAddresses,
  prefixesOfRange,
  protocolOf,
  protocols,
  rangesOf,
  serviceAlgebra,
  splitByProtocol,
  sweep,
  type AclEntry,
  type AddressSet,
  type Family,
  type Prefix,
  type ProtocolPorts,
  type ServiceSet,
} from '#net';
import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import type { AccessGrant } from '../snapshot.js';
import type { ResolvedFlow } from './flows.js';
import { normalForm, type RuleBox } from './normal-form.js';

/**
 * The stateless ACL on traffic *from* devices of one class: first the replies of connections that others open, then what
 * the class itself may open. Permits no packet that the policy denies: where addresses of a class aren't told apart by
 * segments, an allow towards it counts only for segments that are its own, a deny for every segment where it can be.
 */
export class PortAclCompiler {
  private readonly own = new Map<string, AddressSet>();
  private readonly possible = new Map<string, AddressSet>();
  private readonly told = new Set<string>();

  constructor(
    private readonly policy: Policy,
    private readonly access: readonly AccessGrant[],
    private readonly report: Report,
  ) {}

  compile(name: string, flows: readonly ResolvedFlow[]): AclEntry[] {
    const groups = this.policy.principalTree.distances(name);
    const touches = (side: ResolvedFlow['subject']): boolean => 'class' in side && groups.has(side.class);
    const opened = this.allowed(
      flows.filter(({ subject }) => touches(subject)),
      'object',
    );
    const received = this.allowed(
      flows.filter(({ object }) => touches(object)),
      'subject',
    );
    return unique([...this.replies(received), ...openings(opened)]);
  }

  private allowed(flows: readonly ResolvedFlow[], far: 'subject' | 'object'): RegionOf[] {
    const boxes = flows.flatMap((flow): RuleBox[] => {
      const side = flow[far];
      const { id, effect } = flow.rule;
      const addresses = 'addresses' in side ? side.addresses : this.addressesOfClass(side.class, flow);
      return isEmptyAddressSet(addresses) ? [] : [{ id, effect, services: flow.services, addresses }];
    });
    const lines = new Map(flows.map((flow) => [flow.rule.id, flow]));
    return normalForm(boxes).allowed.map(({ addresses, services, rules }) => ({
      addresses,
      services,
      flow: lines.get(rules[0]!)!,
    }));
  }

  private addressesOfClass(name: string, flow: ResolvedFlow): AddressSet {
    if (flow.rule.effect === 'deny') return memo(this.possible, name, () => this.possibleAddresses(name));
    const own = memo(this.own, name, () => this.ownAddresses(name));
    const isPlaced = this.access.some(({ role }) => this.policy.principalTree.belongs(role, name));
    if (isEmptyAddressSet(own) && isPlaced && this.once(`peer ${name}`)) {
      const summary = `port ACLs can't tell the addresses of \`${name}\`: this flow passes the firewall but no port ACL`;
      const hint = `give \`${name}\` a segment with \`dedicatedTo: ${name}\``;
      this.report.add('peer-not-in-port-acl', flow.rule.span, summary, hint);
    }
    return own;
  }

  /** Prefixes where nothing but this class can be. */
  private ownAddresses(name: string): AddressSet {
    const tree = this.policy.principalTree;
    const segments = [...this.policy.segments.values()].filter(({ role, dedicatedTo }) => {
      const holder = role ?? dedicatedTo;
      return holder !== null && tree.belongs(holder, name);
    });
    return addressSet(segments.flatMap(({ sites }) => sites.flatMap(({ prefixes }) => rangesOf(prefixes))));
  }

  /** Prefixes where this class may be. */
  private possibleAddresses(name: string): AddressSet {
    const tree = this.policy.principalTree;
    const names = new Set(this.access.filter(({ role }) => tree.belongs(role, name)).map(({ segment }) => segment));
    const segments = [...names].map((segment) => this.policy.segments.get(segment)!);
    return addressSet(segments.flatMap(({ sites }) => sites.flatMap(({ prefixes }) => rangesOf(prefixes))));
  }

  private replies(regions: readonly RegionOf[]): AclEntry[] {
    return regions.flatMap((region) => {
      const parts = region.services.flatMap(splitByProtocol);
      const isTooWide = portsWithoutState(parts) > mostReplyPorts;
      const good = parts.flatMap((part) =>
        hasState(part) || !isTooWide
          ? (replyMatch(part) ?? this.reportReply(region.flow))
          : this.reportReply(region.flow),
      );
      return good.flatMap((match) =>
        prefixesIn(region.addresses, match.families).map((destination) => ({
          ...match.entry,
          family: destination.family,
          destination: anyOf(destination),
        })),
      );
    });
  }

  private reportReply({ rule }: ResolvedFlow): [] {
    if (this.once(`reply ${rule.id}`)) {
      const hint =
        'name the ports that are used: without ports, letting replies through would let the device open connections';
      this.report.add(
        'reply-not-expressible',
        rule.span,
        `port ACLs drop replies of \`${rule.application}\` to \`${rule.subject}\``,
        hint,
      );
    }
    return [];
  }

  private once(key: string): boolean {
    if (this.told.has(key)) return false;
    this.told.add(key);
    return true;
  }
}

interface RegionOf {
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
  readonly flow: ResolvedFlow;
}

type Match = Omit<AclEntry, 'family' | 'destination'>;

const permit = { action: 'permit', sourcePorts: null, destinationPorts: null, established: false } as const;
const echoReply = new Map<number, { request: number; reply: number }>([
  [protocols.icmp, { request: 8, reply: 0 }],
  [protocols.icmp6, { request: 128, reply: 129 }],
]);

/**
 * A UDP reply is told by its source port alone, so each such port is one from which the device may open connections to that
 * far side. A media range is tolerable; all of UDP, or all but a few ports, would be no ACL any more.
 */
const mostReplyPorts = 16_384;

const hasState = ({ protocol }: ProtocolPorts): boolean => protocol !== protocols.udp && protocol !== protocols.sctp;

function portsWithoutState(parts: readonly ProtocolPorts[]): number {
  const widths = parts
    .filter((part) => !hasState(part))
    .map(({ ports }) => (ports ? ports.last - ports.first + 1 : 0x1_0000));
  return widths.reduce((sum, width) => sum + width, 0);
}

/** The device's packets within a connection that the far side opened to these ports; null: can't be told from new ones. */
function replyMatch({ protocol, ports }: ProtocolPorts): { families: readonly Family[]; entry: Match }[] | null {
  if (protocol === protocols.tcp)
    return [{ families, entry: { ...permit, protocol, sourcePorts: ports, established: true } }];
  if (protocol === protocols.udp || protocol === protocols.sctp) {
    return ports ? [{ families, entry: { ...permit, protocol, sourcePorts: ports } }] : null;
  }
  const echo = echoReply.get(protocol);
  if (!echo) return null;
  if (ports && (ports.first > echo.request || ports.last < echo.request)) return [];
  const destinationPorts = { first: echo.reply, last: echo.reply };
  return [{ families: familiesOf(protocol), entry: { ...permit, protocol, destinationPorts } }];
}

const familiesOf = (protocol: number): readonly Family[] =>
  protocol === protocols.icmp ? [4] : protocol === protocols.icmp6 ? [6] : families;

/** Services that run through more protocols than this are written as "ip" behind explicit denies. */
const manyProtocols = 8;

/**
 * Packets that open connections. Services whose addresses are the same form a group; groups have no service in common, so
 * the lines of one group never catch a packet of another, and each may mix permits and denies as is shortest.
 */
function openings(regions: readonly RegionOf[]): AclEntry[] {
  const groups = groupByService(regions);
  const isWide = ({ services }: Group): boolean =>
    services.some(({ first, last }) => protocolOf(last) - protocolOf(first) > manyProtocols);
  const wide = groups.filter(isWide);
  if (wide.length === 0) return groups.flatMap((group) => groupLines(group, false));
  // All services of narrow groups and all unused ones are closed explicitly, so that "ip" can stand for the rest.
  const [last, ...others] = wide;
  const narrow = [...groups.filter((group) => !isWide(group)), ...others];
  const unused = serviceAlgebra.subtract(
    [{ first: 0, last: 0xff_ffff }],
    serviceAlgebra.normalize(groups.flatMap(({ services }) => [...services])),
  );
  const closed = unused.length > 0 ? groupLines({ services: unused, addresses: noAddresses }, true) : [];
  return [...narrow.flatMap((group) => groupLines(group, true)), ...closed, ...wideLines(last!)];
}

interface Group {
  readonly services: ServiceSet;
  readonly addresses: AddressSet;
}

function groupByService(regions: readonly RegionOf[]): Group[] {
  const groups = new Map<string, { services: { first: number; last: number }[]; members: number[] }>();
  const lists = regions.map(({ services }) => services);
  for (const { first, last, members } of sweep(lists, 1)) {
    const key = members.join(' ');
    const group = groups.get(key);
    if (group) group.services.push({ first, last });
    else groups.set(key, { services: [{ first, last }], members });
  }
  const joined = new Map<string, { services: { first: number; last: number }[]; addresses: AddressSet }>();
  for (const { services, members } of groups.values()) {
    const addresses = addressSet(members.flatMap((i) => rangesOf(regions[i]!.addresses)));
    const key = rangesOf(addresses)
      .map(({ family, first, last }) => `${family} ${first} ${last}`)
      .join();
    const group = joined.get(key);
    if (group) group.services.push(...services);
    else joined.set(key, { services: [...services], addresses });
  }
  return [...joined.values()].map(({ services, addresses }) => ({
    services: serviceAlgebra.normalize(services),
    addresses,
  }));
}

/** `closed`: end with an explicit deny of these services, because a line for all protocols follows. */
function groupLines({ services, addresses }: Group, closed: boolean): AclEntry[] {
  const parts = services.flatMap(splitByProtocol).map(({ protocol, ports }) => {
    const destinationPorts =
      ports && isIcmp(protocol) ? { first: ports.first, last: Math.min(ports.last, 255) } : ports;
    return { ...permit, protocol, destinationPorts };
  });
  return parts.flatMap((match) => firstMatchLines(match, addresses, familiesOf(match.protocol), closed));
}

function wideLines({ addresses }: Group): AclEntry[] {
  return firstMatchLines({ ...permit, protocol: null }, addresses, families, false);
}

function firstMatchLines(match: Match, addresses: AddressSet, wanted: readonly Family[], closed: boolean): AclEntry[] {
  return wanted.flatMap((family) => {
    const found = firstMatchPrefixes(family, familyOf(addresses, family)).map(({ action, prefix }): AclEntry => ({
      ...match,
      action,
      family,
      destination: anyOf(prefix),
    }));
    const isOpenEnded = found.at(-1)?.destination !== null;
    return closed && isOpenEnded ? [...found, { ...match, action: 'deny', family, destination: null }] : found;
  });
}

function prefixesIn(set: AddressSet, wanted: readonly Family[]): Prefix[] {
  return wanted.flatMap((family) => familyOf(set, family).flatMap((range) => prefixesOfRange({ family, ...range })));
}

const anyOf = (prefix: Prefix): Prefix | null => (prefix.length === 0 ? null : prefix);

function unique(entries: readonly AclEntry[]): AclEntry[] {
  const seen = new Set<string>();
  return entries.filter((entry) => {
    const { destination: to, sourcePorts: from, destinationPorts: ports } = entry;
    const key = [
      entry.action,
      entry.family,
      entry.protocol,
      to?.value,
      to?.length,
      from?.first,
      from?.last,
      ports?.first,
      ports?.last,
      entry.established,
    ].join();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function memo<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key) ?? make();
  cache.set(key, known);
  return known;
}
