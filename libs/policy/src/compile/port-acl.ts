import { remembered } from '#base';
import {
  EntryMinimiser,
  prefixesOfRange,
  portAclAbilities,
  type AclEntry,
  type AddressSet,
  type AtomSet,
  type Family,
  type Interval,
  type Prefix,
  type MatchLine,
  type PacketRegion,
  type ServiceSet,
} from '#net';
import type { FlowRuleSource, Policy } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { AccessGrant, ClassFlows, DirectionFlows, FlowRegion } from '../snapshot.js';
import { ClassPlaces } from './class-places.js';
import { boxOf, type ResolvedFlow } from './flows.js';
import { normalFormOfAtoms, type AtomBox } from './normal-form.js';
import { repliesTo } from './port-acl-replies.js';

/** What a class's port ACL can't carry. Findings with the same `about` are one finding, whoever has them. */
export interface AclFinding {
  readonly code: 'peer-not-in-port-acl' | 'reply-not-expressible';
  readonly about: string;
  readonly rule: FlowRuleSource;
  readonly summary: string;
  readonly hint: string;
}

export interface PortAcl {
  readonly entries: readonly AclEntry[];
  readonly findings: readonly AclFinding[];
}

/**
 * The stateless ACL on traffic *from* devices of one class: first the replies of connections that others open, then what
 * the class itself may open. Permits no packet that the policy denies: where addresses of a class aren't told apart by
 * segments, an allow towards it counts only for segments that are its own, a deny for every segment where it can be.
 */
export class PortAclCompiler {
  private readonly minimiser = new EntryMinimiser(portAclAbilities);
  private readonly places: ClassPlaces;
  private readonly entries = new WeakMap<MatchLine, AclEntry>();
  private readonly prefixes = new WeakMap<readonly Interval<bigint>[], Prefix>();

  constructor(
    policy: Pick<Policy, 'segments' | 'principalTree'>,
    private readonly resolution: Resolution,
    access: readonly AccessGrant[],
  ) {
    this.places = new ClassPlaces(policy, resolution, access);
  }

  /** `opening`: the rules where the class is the subject; `receiving`: where it is the object; `flows`: what follows of them. */
  compile(opening: readonly ResolvedFlow[], receiving: readonly ResolvedFlow[], flows: ClassFlows): PortAcl {
    const findings: AclFinding[] = [];
    const opened = this.allowed(opening, 'object', flows.outbound, findings);
    const received = this.allowed(receiving, 'subject', flows.inbound, findings);
    const lines = this.minimiser.minimise([...repliesIn(received, findings), ...opened.map(openingsOf)]);
    if (!lines) throw new TypeError('port ACLs can say every set of packets that policies speak of');
    return { entries: lines.map((line) => this.entryOf(line)), findings };
  }

  /** Lists share most of their lines, and so their entries. */
  private entryOf(line: MatchLine): AclEntry {
    return remembered(this.entries, line, () => {
      const { family, protocols, sourcePorts, destination, destinationPorts, action, established } = line;
      if (family === null) throw new TypeError('a port ACL entry has one family');
      return {
        action,
        family,
        protocol: only(protocols),
        sourcePorts: only(sourcePorts),
        destination: destination && this.prefixOf(family, destination),
        destinationPorts: only(destinationPorts),
        established,
      };
    });
  }

  /** Lists name the same few prefixes by the same objects again and again. */
  private prefixOf(family: Family, ranges: readonly Interval<bigint>[]): Prefix {
    return remembered(this.prefixes, ranges, () => only(prefixesOfRange({ family, ...only(ranges)! }))!);
  }

  private allowed(
    rules: readonly ResolvedFlow[],
    far: 'subject' | 'object',
    { allowed }: DirectionFlows,
    findings: AclFinding[],
  ): RegionOf[] {
    const towardsClasses = rules.flatMap((flow): AtomBox[] => {
      const side = flow[far];
      if ('atoms' in side) return [];
      const atoms = this.atomsOfClass(side.class, flow, findings);
      return atoms.length === 0 ? [] : [boxOf(flow, atoms)];
    });
    const regions = towardsClasses.length === 0 ? allowed : this.joined(rules, far, towardsClasses);
    const lines = new Map(rules.map((flow) => [flow.rule.id, flow]));
    return regions.map(({ addresses, services, rules: [first] }) => ({
      addresses,
      services,
      flow: lines.get(first!)!,
    }));
  }

  /** Classes by the segments that are theirs, beside the endpoints that rules name. */
  private joined(rules: readonly ResolvedFlow[], far: 'subject' | 'object', boxes: readonly AtomBox[]): FlowRegion[] {
    const towardsEndpoints = rules.flatMap((flow) => {
      const side = flow[far];
      return 'atoms' in side ? [boxOf(flow, side.atoms)] : [];
    });
    return normalFormOfAtoms([...towardsEndpoints, ...boxes], this.resolution.partition).allowed;
  }

  private atomsOfClass(name: string, { rule }: ResolvedFlow, findings: AclFinding[]): AtomSet {
    const { own, possible, isPlaced } = this.places.of(name);
    if (rule.effect === 'deny') return possible;
    if (own.length === 0 && isPlaced) {
      findings.push({
        code: 'peer-not-in-port-acl',
        about: `peer ${name}`,
        rule,
        summary: `port ACLs can't tell the addresses of \`${name}\`: this flow passes the firewall but no port ACL`,
        hint: `give \`${name}\` a segment with \`dedicatedTo: ${name}\``,
      });
    }
    return own;
  }
}

function repliesIn(regions: readonly RegionOf[], findings: AclFinding[]): PacketRegion[] {
  return regions.flatMap(({ addresses, services, flow: { rule } }) => {
    const { regions: replies, isIncomplete } = repliesTo(addresses, services);
    if (isIncomplete) {
      findings.push({
        code: 'reply-not-expressible',
        about: `reply ${rule.id}`,
        rule,
        summary: `port ACLs drop replies of \`${rule.application}\` to \`${rule.subject}\``,
        hint: 'name the ports that are used: without ports, letting replies through would let the device open connections',
      });
    }
    return [...replies];
  });
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
function only<T>(list: readonly T[] | null): T | null {
  if (list && list.length !== 1) throw new TypeError('a port ACL entry takes one value for each condition');
  return list?.[0] ?? null;
}
