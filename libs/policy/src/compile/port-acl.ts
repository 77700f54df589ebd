import {
  addressSet,
  EntryMinimiser,
  isEmptyAddressSet,
  portAclAbilities,
  prefixesOfRange,
  rangesOf,
  type AclEntry,
  type AddressSet,
  type Family,
  type Interval,
  type MatchLine,
  type PacketRegion,
  type Prefix,
  type ServiceSet,
} from '#net';
import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import type { AccessGrant } from '../snapshot.js';
import type { ResolvedFlow } from './flows.js';
import { normalForm, type RuleBox } from './normal-form.js';
import { repliesTo } from './port-acl-replies.js';

/**
 * The stateless ACL on traffic *from* devices of one class: first the replies of connections that others open, then what
 * the class itself may open. Permits no packet that the policy denies: where addresses of a class aren't told apart by
 * segments, an allow towards it counts only for segments that are its own, a deny for every segment where it can be.
 */
export class PortAclCompiler {
  private readonly own = new Map<string, AddressSet>();
  private readonly possible = new Map<string, AddressSet>();
  private readonly told = new Set<string>();
  private readonly known = new Map<string, readonly AclEntry[]>();
  private readonly indexes = new WeakMap<readonly ResolvedFlow[], FlowIndex>();
  private readonly prefixes = new WeakMap<readonly Interval<bigint>[], Prefix>();
  private readonly minimiser = new EntryMinimiser(portAclAbilities);

  constructor(
    private readonly policy: Policy,
    private readonly access: readonly AccessGrant[],
    private readonly report: Report,
  ) {}

  compile(name: string, flows: readonly ResolvedFlow[]): readonly AclEntry[] {
    const groups = [...this.policy.principalTree.distances(name).keys()];
    const opening = touching(this.bySide(flows).subject, groups);
    const receiving = touching(this.bySide(flows).object, groups);
    // Classes under the same rules share one list.
    const key = [opening, receiving].map((list) => list.map(({ rule }) => rule.id).join(' ')).join('|');
    return memo(this.known, key, () => {
      const opened = this.allowed(opening, 'object');
      const received = this.allowed(receiving, 'subject');
      const lines = this.minimiser.minimise([...this.replies(received), ...opened.map(openingsOf)]);
      if (!lines) throw new TypeError('port ACLs can say replies and openings');
      return lines.map((line) => this.entryOf(line));
    });
  }

  private entryOf({ family, protocols, sourcePorts, destination, destinationPorts, ...line }: MatchLine): AclEntry {
    if (family === null) throw new TypeError('a port ACL entry has one family');
    return {
      ...line,
      family,
      protocol: only(protocols),
      sourcePorts: only(sourcePorts),
      destination: destination && this.prefixOf(family, destination),
      destinationPorts: only(destinationPorts),
    };
  }

  /** Lists name the same few prefixes by the same objects again and again. */
  private prefixOf(family: Family, ranges: readonly Interval<bigint>[]): Prefix {
    const known = this.prefixes.get(ranges) ?? only(prefixesOfRange({ family, ...only(ranges)! }))!;
    this.prefixes.set(ranges, known);
    return known;
  }

  private bySide(flows: readonly ResolvedFlow[]): FlowIndex {
    const known = this.indexes.get(flows) ?? { subject: byClass(flows, 'subject'), object: byClass(flows, 'object') };
    this.indexes.set(flows, known);
    return known;
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

  private replies(regions: readonly RegionOf[]): PacketRegion[] {
    return regions.flatMap(({ addresses, services, flow }) => {
      const { regions: replies, isIncomplete } = repliesTo(addresses, services);
      if (isIncomplete) this.reportReply(flow);
      return [...replies];
    });
  }

  private reportReply({ rule }: ResolvedFlow): void {
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

type ByClass = ReadonlyMap<string, readonly { flow: ResolvedFlow; place: number }[]>;
/** Flows by the class that they name on each side. */
type FlowIndex = Readonly<Record<'subject' | 'object', ByClass>>;

function byClass(flows: readonly ResolvedFlow[], side: 'subject' | 'object'): ByClass {
  const placed = flows.map((flow, place) => ({ flow, place })).filter(({ flow }) => 'class' in flow[side]);
  return Map.groupBy(placed, ({ flow }) => flow.rule[side]);
}

/** Flows that name one of these classes, in their order. */
function touching(index: ByClass, classes: readonly string[]): ResolvedFlow[] {
  const found = classes.flatMap((name) => index.get(name) ?? []);
  return found.sort((a, b) => a.place - b.place).map(({ flow }) => flow);
}

const openingsOf = ({ addresses, services }: RegionOf): PacketRegion => ({
  addresses,
  services,
  sourcePorts: null,
  established: false,
});

/** INVARIANT: port ACL abilities give lines of one family, protocol, prefix and port interval at most. */
function only<T>(list: readonly T[] | null): T | null {
  if (list && list.length !== 1) throw new TypeError('a port ACL entry takes one value for each condition');
  return list?.[0] ?? null;
}

function memo<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key) ?? make();
  cache.set(key, known);
  return known;
}
