import { remembered } from '#base';
import {
  EntryMinimiser,
  prefixesOfRange,
  portAclAbilities,
  type AclEntry,
  type AtomSet,
  type Family,
  type Interval,
  type Prefix,
  type MatchLine,
  type PacketRegion,
} from '#net';
import type { FlowRuleSource, Policy } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { AccessGrant, ClassFlows, DirectionFlows, FlowRegion } from '../snapshot.js';
import { ClassPlaces } from './class-places.js';
import type { FarSide, FlowResolver, ResolvedFlow } from './flows.js';
import type { AtomBox, NormalForms } from './normal-form.js';
import { repliesTo, type Replies } from './port-acl-replies.js';

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
 * The stateless ACL on traffic *from* devices of one class: replies of connections that others open, and what the class
 * itself may open. Permits no packet that the policy denies: where addresses of a class aren't told apart by
 * segments, an allow towards it counts only for segments that are its own, a deny for every segment where it can be.
 */
export class PortAclCompiler {
  private readonly minimiser = new EntryMinimiser(portAclAbilities, (line) => this.entryOf(line));
  private readonly places: ClassPlaces;
  private readonly resolver: FlowResolver;
  private readonly forms: NormalForms;
  /** By the side that is far: what rules between classes say of the addresses of that class. */
  private readonly boxes = {
    subject: new WeakMap<ResolvedFlow, AtomBox>(),
    object: new WeakMap<ResolvedFlow, AtomBox>(),
  } as const satisfies Record<FarSide, unknown>;
  private readonly replies = new WeakMap<FlowRegion, Replies>();
  private readonly prefixes = new Map<readonly Interval<bigint>[], Prefix>();

  constructor(
    policy: Pick<Policy, 'segments' | 'principalTree'>,
    names: { readonly resolution: Resolution; readonly resolver: FlowResolver; readonly forms: NormalForms },
    placed: readonly Pick<AccessGrant, 'role' | 'segment'>[],
  ) {
    this.resolver = names.resolver;
    this.forms = names.forms;
    this.places = new ClassPlaces(policy, names.resolution, placed);
  }

  /** `opening`: the rules where the class is the subject; `receiving`: where it is the object; `flows`: what follows of them. */
  compile(opening: readonly ResolvedFlow[], receiving: readonly ResolvedFlow[], flows: ClassFlows): PortAcl {
    const findings: AclFinding[] = [];
    const opened = this.allowed(opening, 'object', flows.outbound, findings);
    const received = this.allowed(receiving, 'subject', flows.inbound, findings);
    const entries = this.minimiser.minimise([...this.repliesIn(received, receiving, findings), ...opened]);
    if (!entries) throw new TypeError('port ACLs can say every set of packets that policies speak of');
    return { entries, findings };
  }

  private entryOf(line: MatchLine): AclEntry {
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
  }

  /** Lists name the same few prefixes by the same objects again and again. */
  private prefixOf(family: Family, ranges: readonly Interval<bigint>[]): Prefix {
    return remembered(this.prefixes, ranges, () => only(prefixesOfRange({ family, ...only(ranges)! }))!);
  }

  private allowed(
    rules: readonly ResolvedFlow[],
    far: FarSide,
    { allowed }: DirectionFlows,
    findings: AclFinding[],
  ): readonly FlowRegion[] {
    const towardsClasses = rules.flatMap((flow): AtomBox[] => {
      const name = flow[far];
      if (name === null) return [];
      const atoms = this.atomsOfClass(name, flow.rule, findings);
      if (atoms.length === 0) return [];
      return [remembered(this.boxes[far], flow, () => this.resolver.boxOf(flow, atoms))];
    });
    if (towardsClasses.length === 0) return allowed;
    // Classes by the segments that are theirs, beside the endpoints that rules name.
    return this.forms.of([...rules.filter((flow) => flow[far] === null), ...towardsClasses]).allowed;
  }

  private repliesIn(
    regions: readonly FlowRegion[],
    rules: readonly ResolvedFlow[],
    findings: AclFinding[],
  ): PacketRegion[] {
    return regions.flatMap((region) => {
      const { addresses, services } = region;
      const { regions: replies, isIncomplete } = remembered(this.replies, region, () => repliesTo(addresses, services));
      if (isIncomplete) {
        const { rule } = rules.find(({ id }) => id === region.rules[0])!;
        findings.push({
          code: 'reply-not-expressible',
          about: `reply ${rule.id}`,
          rule,
          summary: `port ACLs drop replies of \`${rule.application}\` to \`${rule.subject}\``,
          hint: 'name the ports that are used: without ports, letting replies through would let the device open connections',
        });
      }
      return replies;
    });
  }

  private atomsOfClass(name: string, rule: FlowRuleSource, findings: AclFinding[]): AtomSet {
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

/** INVARIANT: port ACL abilities give lines of one family, protocol, prefix and port interval at most. */
function only<T>(list: readonly T[] | null): T | null {
  if (list && list.length !== 1) throw new TypeError('a port ACL entry takes one value for each condition');
  return list?.[0] ?? null;
}
