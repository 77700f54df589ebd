import {
  addressSet,
  EntryMinimiser,
  isEmptyAddressSet,
  portAclAbilities,
  prefixesOfRange,
  rangesOf,
  type AclEntry,
  type AddressSet,
  type MatchLine,
  type PacketRegion,
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
  private readonly minimiser = new EntryMinimiser(portAclAbilities);

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
    const lines = this.minimiser.minimise([...this.replies(received), ...opened.map(openingsOf)]);
    return (lines ?? []).map(entryOf);
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

const openingsOf = ({ addresses, services }: RegionOf): PacketRegion => ({
  addresses,
  services,
  sourcePorts: null,
  established: false,
});

/** INVARIANT: port ACL abilities give lines of one family, protocol, prefix and port interval at most. */
function entryOf({ family, protocols, sourcePorts, destination, destinationPorts, ...line }: MatchLine): AclEntry {
  const only = <T>(list: readonly T[] | null): T | null => {
    if (list && list.length !== 1) throw new TypeError('a port ACL entry takes one value for each condition');
    return list?.[0] ?? null;
  };
  if (family === null) throw new TypeError('a port ACL entry has one family');
  const range = only(destination);
  return {
    ...line,
    family,
    protocol: only(protocols),
    sourcePorts: only(sourcePorts),
    destination: range && only(prefixesOfRange({ family, ...range })),
    destinationPorts: only(destinationPorts),
  };
}

function memo<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key) ?? make();
  cache.set(key, known);
  return known;
}
