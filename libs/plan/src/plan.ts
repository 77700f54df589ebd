import type { Diagnostic } from '#base';
import type { Posture } from '#model';
import type { Criticality } from '#policy';

/*
 * What a policy change will do, as a value: plain, sorted, the same bytes for the same input. Renderers in format/ turn it
 * into text and decide nothing. docs/reading-a-plan.md explains each part to the people who read it.
 */
export interface PolicyPlan {
  readonly format: 1;
  /** The instant that schedules and end dates were judged at, for both policies. */
  readonly at: string;
  readonly from: PlannedPolicy;
  readonly to: PlannedPolicy;
  /** Something changes for devices or in what watches over them. */
  readonly changed: boolean;
  readonly summary: PlanSummary;
  readonly tests: TestsPlan;
  readonly access: AccessPlan;
  readonly flows: readonly FlowChange[];
  /** Rule lines that come, go or mean something else, and change nothing at `at`: what they do at other times is not in this plan. */
  readonly dormant: readonly DormantLine[];
  /** Lines in audit, which change nothing. Null: neither policy has any. */
  readonly audit: AuditPlan | null;
  /** Null without observed flows. */
  readonly observed: ObservedPlan | null;
  readonly budgets: readonly BudgetChange[];
  /** Switches, enforcement points and segments that come, go or have other fields. */
  readonly network: readonly NetworkChange[];
  /** Null without an inventory: nobody knows then how many sessions there are. */
  readonly coa: CoaPlan | null;
  /** Findings of `to` that `from` does not have, and findings about the inventory and the observed flows. */
  readonly findings: readonly Diagnostic[];
  /** What people may want to approve before the merge: one of each kind, most serious first. */
  readonly concerns: readonly Concern[];
}

/**
 * `internet`, `life-critical`: what the change opens, closes or places; `in-use`: it breaks what was seen; `later`: it has lines whose effect
 * is not now; `tests`: what they watched is not watched any more; `network`: switches, enforcement points, segments; `high`,
 * `medium`, `low`: it opens or closes a flow of this risk; `any`: it changes something.
 */
export const concernKinds = [
  'internet',
  'life-critical',
  'in-use',
  'later',
  'tests',
  'network',
  'high',
  'medium',
  'low',
  'any',
] as const;
export type ConcernKind = (typeof concernKinds)[number];

export interface Concern {
  readonly kind: ConcernKind;
  readonly summary: string;
  /** How many flows, places, lines, tests or entries. */
  readonly count: number;
}

export interface PlannedPolicy {
  readonly digest: string;
  /** First instant after `at` at which time alone changes this policy. */
  readonly nextChangeAt: string | null;
}

export interface PlanSummary {
  /** Null without an inventory. */
  readonly devices: { readonly total: number; readonly changed: number; readonly unplaced: number } | null;
  readonly opened: Readonly<Record<Risk, number>>;
  readonly closed: Readonly<Record<Risk, number>>;
  /** Null without observed flows. */
  readonly seenFlowsBroken: { readonly flows: number; readonly devices: number } | null;
  readonly testsBroken: number;
  readonly testsFixed: number;
  readonly testsRemoved: number;
  readonly findings: number;
  readonly budgetsExceeded: number;
  readonly dormant: number;
  /** Rule lines of `to` with hours or an end: at another time this plan may be another. */
  readonly timed: number;
  /** Null without an inventory. */
  readonly coa: Readonly<Record<Criticality, number>> | null;
}

export type Risk = 'high' | 'medium' | 'low';

/**
 * A line of policy that makes a change. `+` stands in `to` only, `-` in `from` only, `~` in both and means something else
 * now, `=` in both and decides as before.
 */
export interface LineChange {
  readonly sign: '+' | '-' | '~' | '=';
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Of `~`: what its names stand for now. */
  readonly because: string | null;
}

export interface FlowChange {
  readonly change: 'opened' | 'closed';
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
  readonly services: NamedServices;
  readonly risk: Risk;
  /** Why this risk, in words. */
  readonly reasons: readonly string[];
  /** What people may want to approve, whatever the risk. */
  readonly touches: readonly ('internet' | 'life-critical' | 'in-use')[];
  readonly lines: readonly LineChange[];
  /** Of a closed flow: connections that were observed and would break. Null without observed flows. */
  readonly inUse: FlowUse | null;
}

export interface FlowUse {
  readonly connections: number;
  readonly devices: number;
  /** False: of these classes nothing at all was seen in this direction, so silence means nothing. */
  readonly watched: boolean;
}

/** One end of a flow, in the policy's own names. An opened flow is named by `to`, a closed one by `from`. */
export type FlowEnd =
  | {
      readonly kind: 'classes';
      readonly text: string;
      /** Every class that is meant, none left to inheritance. */
      readonly classes: readonly string[];
      /** Only devices at these addresses; null: wherever the policy puts them. */
      readonly ranges: readonly string[] | null;
    }
  | {
      readonly kind: 'addresses';
      readonly text: string;
      readonly ranges: readonly string[];
      /** Devices of these classes at such an address are not meant: nothing changes for them. */
      readonly exceptClasses: readonly string[];
    };

export interface NamedServices {
  readonly text: string;
  /** `tcp/443`, `udp/5000-5010`, `any`. */
  readonly ports: readonly string[];
}

export interface DormantLine {
  readonly sign: '+' | '-' | '~';
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly when: string;
}

export interface AuditPlan {
  readonly lines: readonly AuditLine[];
  /** What the lines of `to` would do if they were in force; null: that is not known, or they could not be. */
  readonly would: readonly FlowChange[] | null;
}

/** `promoted`: it was in audit, and is in force by this change. */
export interface AuditLine {
  readonly change: 'comes' | 'stays' | 'goes' | 'promoted';
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface AccessPlan {
  readonly changes: readonly AccessChange[];
  /** One per profile and difference, not per device. */
  readonly rendered: readonly RenderedChange[];
}

export type AccessAspect = 'admitted' | 'rejected' | 'segment' | 'vlan' | 'role' | 'sgt' | 'voice' | 'acl';

export interface AccessChange {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  /** Of the device's switch, and what of port ACLs is enforced elsewhere. Null: the inventory names no switch, or there is no inventory. */
  readonly profile: string | null;
  /** Null without an inventory: not counted, which is not zero. */
  readonly devices: number | null;
  /** The first of them, by id. */
  readonly sample: readonly string[];
  readonly aspects: readonly AccessAspect[];
  /** Null: rejected. */
  readonly before: Placement | null;
  readonly after: Placement | null;
}

export interface Placement {
  readonly segment: string;
  readonly vlan: number;
  readonly role: string;
  readonly sgt: number | null;
  readonly voice: boolean;
  /** The access rule, `file:line`. */
  readonly rule: string;
}

export interface RenderedChange {
  readonly profile: string;
  /** Roles with this difference; null: rejected. */
  readonly roles: readonly { readonly before: string | null; readonly after: string | null }[];
  /** Lines that go and come. Cisco's line numbers are those of the first role. */
  readonly lines: readonly DiffLine[];
  /** Lines that are told at another place of the list, and are not in `lines`. */
  readonly moved: number;
  /** Places with this difference: `class at site, posture`. */
  readonly appliesTo: readonly string[];
}

export interface DiffLine {
  readonly sign: '+' | '-';
  readonly text: string;
}

export interface BudgetChange {
  readonly nas: string;
  readonly profile: string;
  /** Entries that a port takes; null when the switch did not say. */
  readonly limit: number | null;
  /** Null: the switch is not in that policy. */
  readonly before: WorstRole | null;
  readonly after: WorstRole | null;
  readonly exceeded: boolean;
}

export interface WorstRole {
  readonly role: string;
  readonly entries: number;
}

export interface NetworkChange {
  readonly kind:
    'nas' | 'proxy' | 'eap' | 'radsec' | 'suspicions' | 'rollout' | 'enforcement-point' | 'segment' | 'class';
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Names of the fields that differ. Values are not shown: some are secrets' names. */
  readonly fields: readonly string[];
}

/**
 * The first step that the class allows and the switch knows; further ones follow where it is refused. `untold`: there is none, so
 * the device keeps what it has until it authenticates again. `unknown`: the inventory does not name the switch.
 */
export type CoaKind = 'change' | 'reauthenticate' | 'disconnect' | 'bounce' | 'untold' | 'unknown';

export interface CoaPlan {
  /** Messages: those who are told nothing are not among them. */
  readonly total: number;
  readonly byCriticality: Readonly<Record<Criticality, number>>;
  readonly byKind: Readonly<Record<CoaKind, number>>;
  /** Most messages first. */
  readonly perNas: readonly NasBurst[];
}

export interface NasBurst {
  /** Null: devices whose switch the inventory does not name. */
  readonly nas: string | null;
  readonly messages: number;
  readonly byCriticality: Readonly<Record<Criticality, number>>;
}

export interface TestsPlan {
  readonly total: number;
  readonly newlyBroken: readonly TestOutcome[];
  readonly stillBroken: readonly TestOutcome[];
  readonly newlyFixed: readonly TestOutcome[];
  /** Tests and invariants of `from` that `to` does not have, or has with another meaning: nobody watches what they watched. */
  readonly removed: readonly TestOutcome[];
  readonly passed: readonly TestOutcome[];
}

export interface TestOutcome {
  readonly kind: 'test' | 'invariant';
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** What fails; empty for one that holds. */
  readonly failures: readonly string[];
}

export interface ObservedPlan {
  readonly window: ObservationWindow;
  /** Allowed before, denied after. */
  readonly broken: readonly SeenFlow[];
  readonly brokenDevices: number;
  /** Denied by both policies. */
  readonly deniedAlready: readonly SeenFlow[];
  /** Denied before, allowed after. */
  readonly opened: readonly SeenFlow[];
}

export interface ObservationWindow {
  readonly format: 'cordon-csv' | 'jsonl' | 'nfdump' | 'ulogd' | 'conntrack';
  /** Null when no record was read. */
  readonly first: string | null;
  readonly last: string | null;
  readonly records: number;
  /** Records that are connections and were judged. */
  readonly connections: number;
  /** Records of the reply direction: no connections of their own. */
  readonly replies: number;
  /** Which side opened can't be told from the records: not judged. */
  readonly undecided: number;
  /** A side is in a device segment, but which class it is can't be told: not judged. */
  readonly unattributed: number;
  /** Between fixed addresses: no device of ours, no rule of ours. */
  readonly foreign: number;
  readonly malformed: number;
  /** Class × direction that `from` allows something in, and of which not one connection was seen. */
  readonly neverSeen: readonly { readonly class: string; readonly direction: 'outbound' | 'inbound' }[];
}

export interface SeenFlow {
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly connections: number;
  readonly devices: number;
  readonly packets: number;
  readonly lastSeen: string;
  readonly reason: string;
  readonly lines: readonly LineChange[];
}
