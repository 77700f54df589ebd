import type { Severity, SourceSpan } from '#base';
import type { AddressSet, ServiceSet } from '#net';
import type { AuthorizationStep, Posture } from '#model';
import type { Hierarchy } from './hierarchy.js';
import type {
  Criticality,
  EapEntry,
  Effect,
  EnforcementPointEntry,
  NasEntry,
  ProxyEntry,
  RadsecEntry,
  RolloutRules,
  SegmentAtSite,
  SuspicionRules,
  WorkloadPlace,
} from './snapshot.js';
import type { Schedule, When } from './when.js';

/** The policy repository, read and checked but not yet compiled: every name is known, every value well-formed. */
export interface Policy {
  readonly classes: ReadonlyMap<string, ClassSource>;
  readonly endpoints: ReadonlyMap<string, EndpointSource>;
  readonly workloads: readonly WorkloadSource[];
  readonly applications: ReadonlyMap<string, ApplicationSource>;
  readonly segments: ReadonlyMap<string, SegmentSource>;
  readonly sites: ReadonlyMap<string, Declared>;
  readonly schedules: ReadonlyMap<string, ScheduleSource>;
  readonly nas: readonly NasSource[];
  readonly proxies: readonly ProxySource[];
  readonly enforcementPoints: readonly EnforcementPointSource[];
  readonly eap: EapEntry | null;
  readonly radsec: RadsecEntry | null;
  readonly suspicions: SuspicionRules;
  readonly rollout: RolloutRules;
  /** Classes and endpoints together: one namespace, as in Casbin's `g`. */
  readonly principalTree: Hierarchy;
  readonly applicationTree: Hierarchy;
  readonly siteTree: Hierarchy;
  readonly flowRules: readonly FlowRuleSource[];
  readonly accessRules: readonly AccessRuleSource[];
  /** The lines under audit/: not in force, and not compiled with the others; see `candidateOf`. */
  readonly auditRules: readonly FlowRuleSource[];
  readonly tests: readonly PolicyTest[];
  readonly invariants: readonly Invariant[];
  readonly settings: CheckSettings;
}

export interface Declared {
  readonly name: string;
  readonly description: string;
  /** Built-in names have no place. */
  readonly span: SourceSpan | null;
}

export interface ClassSource extends Declared {
  readonly criticality: Criticality;
  readonly dynamicAuthorization: readonly AuthorizationStep[];
}

export interface EndpointSource extends Declared {
  /** A group's own addresses are none; what it stands for is the union of its members'. */
  readonly addresses: AddressSet;
}

/** An endpoint that is a service in a cluster: beside its own addresses it has those that the cluster tells. */
export interface WorkloadSource extends WorkloadPlace {
  readonly endpoint: string;
  readonly span: SourceSpan;
}

export interface ApplicationSource extends Declared {
  readonly services: ServiceSet;
}

export interface SegmentSource extends Declared {
  readonly dedicatedTo: string | null;
  readonly role: string | null;
  readonly voice: boolean;
  readonly sites: readonly SegmentAtSite[];
}

export interface ScheduleSource extends Schedule {
  readonly span: SourceSpan;
}

export interface NasSource extends NasEntry {
  readonly span: SourceSpan;
  /** Whether network/server-down.yaml says that it does nothing of its own then: no more is wanted of it. */
  readonly isLeftAlone: boolean;
}

export interface EnforcementPointSource extends EnforcementPointEntry {
  readonly span: SourceSpan;
}

export interface ProxySource extends ProxyEntry {
  readonly span: SourceSpan;
}

/** One line of a rules file. */
export interface RuleSource {
  readonly id: string;
  readonly span: SourceSpan;
  readonly text: string;
  readonly when: When;
  readonly note: string;
}

export interface FlowRuleSource extends RuleSource {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
  readonly effect: Effect;
}

export interface AccessRuleSource extends RuleSource {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  readonly segment: string;
}

export type PolicyTest =
  | {
      readonly kind: 'flow';
      readonly name: string;
      readonly span: SourceSpan;
      readonly from: string;
      readonly to: string;
      readonly app: string;
      readonly expect: Effect;
      readonly at: Date | null;
    }
  | {
      readonly kind: 'access';
      readonly name: string;
      readonly span: SourceSpan;
      readonly class: string;
      readonly site: string;
      readonly posture: Posture;
      /** Segment, or null for a reject. */
      readonly expect: string | null;
      readonly at: Date | null;
    };

export type Invariant = FlowInvariant | AccessInvariant;

interface InvariantClaim {
  readonly kind: 'never' | 'always' | 'only';
  readonly name: string;
  readonly span: SourceSpan;
  readonly when: InvariantTime;
}

/** When a claim must hold: at the check's own instant, at some, or at every instant of the days after the check. */
export type InvariantTime =
  | { readonly kind: 'check' }
  | { readonly kind: 'instants'; readonly instants: readonly Date[] }
  | { readonly kind: 'throughout'; readonly days: number };

/** Which devices of a class are meant. */
export interface Whereabouts {
  /** Those below them included. */
  readonly sites: readonly string[];
  /** Null: every posture. */
  readonly postures: readonly Posture[] | null;
}

/** About packets. Names are classes, endpoints, groups, addresses or `any`. */
export interface FlowInvariant extends InvariantClaim {
  readonly about: 'flows';
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly app: readonly string[];
  /** Null: a class is judged as itself. Otherwise as the roles that its devices get there. */
  readonly where: Whereabouts | null;
  /** A packet that any of these fits is not spoken of. */
  readonly except: {
    readonly from: readonly string[];
    readonly to: readonly string[];
    readonly app: readonly string[];
  };
}

/** About the access table: which segments devices are placed in. */
export interface AccessInvariant extends InvariantClaim {
  readonly about: 'access';
  readonly classes: readonly string[];
  readonly segments: readonly string[];
  readonly where: Whereabouts;
}

/** What cordon.yaml says about findings. */
export interface CheckSettings {
  readonly severities: ReadonlyMap<string, Severity | 'off'>;
  readonly expiresSoonDays: number;
  readonly ignore: readonly IgnoredFinding[];
}

export interface IgnoredFinding {
  readonly code: string;
  /** The first columns of a rule line, `*` for any text; or the name of a catalog entry or a switch. */
  readonly about: { readonly columns: readonly string[] } | { readonly name: string };
  readonly reason: string;
  readonly until: When | null;
  readonly span: SourceSpan;
}

/** Names that every policy has. */
export const builtIn = {
  rootClass: 'device',
  unknownClass: 'unknown',
  everywhere: 'everywhere',
  internet: 'internet',
  internal: 'internal',
  anyApplication: 'any',
  /** In invariants: every class and every address. */
  anyone: 'any',
  /** A condition, so no schedule has this name. */
  always: 'always',
  /** What a test expects where there is no access, so no segment has this name. */
  reject: 'reject',
} as const;

/** Casbin's role manager stops following memberships after this many links, silently: longer chains are refused. */
export const maxMembershipLinks = 10;
