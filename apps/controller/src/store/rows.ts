import type { Diagnostic } from '#base';
import type {
  Authentication,
  Credential,
  DevicePosture,
  Fingerprint,
  Session,
  SuspicionAction,
  SuspicionKind,
} from '#model';
import type { AclEntry, Mac } from '#net';
import type { RolloutRules } from '#policy';
import type { HourlyFlow } from '../flows/hourly-flow.js';
import type { SessionChange } from '../history/session-changes.js';
import type { Approval, ForgeAsked } from '../policy/approvals.js';
import type { Contest } from '../suspicions/two-ports.js';
import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaOptions } from 'typeorm';

/* Instants are ISO 8601 texts in UTC: they sort as they are and mean the same in every database. */

export interface DeviceRow {
  mac: Mac;
  class: string;
  posture: DevicePosture;
  name: string;
  location: string;
  serial: string;
  notes: string;
  /** In clinical use since then. */
  inUse: string | null;
  /** Position in the feed: each change of any device takes the next number. */
  revision: number;
  createdAt: string;
  updatedAt: string;
}

/** A device that is gone: the feed must tell bridges that were away. */
export interface TombstoneRow {
  mac: Mac;
  revision: number;
}

/** INVARIANT: its hashes leave this process by the feed alone. */
export interface CredentialRow extends Credential {
  /** Position in the feed of credentials. */
  revision: number;
  createdAt: string;
  updatedAt: string;
}

export interface CredentialTombstoneRow {
  username: string;
  revision: number;
}

/** Columns are what is asked by; `document` is all of it. */
export interface SessionRow {
  id: string;
  bridge: string;
  state: Session['state'];
  mac: Mac;
  nas: string;
  nasPort: string | null;
  site: string;
  class: string;
  segment: string;
  method: Session['method'];
  addresses: string[];
  startedAt: string;
  updatedAt: string;
  endedAt: string | null;
  /** The session at another bridge that took its place, until its own bridge says that it ended. */
  successor: string | null;
  document: Session;
}

export interface AuthenticationRow {
  /** In order of arrival, which is not that of `at` when a bridge was away. */
  id: number;
  bridge: string;
  seq: number;
  at: string;
  mac: string | null;
  nas: string;
  nasPort: string | null;
  outcome: Authentication['outcome'];
  segment: string | null;
  document: Authentication;
}

/** What became of a session over time: the session itself is kept only as it is now. */
export interface SessionChangeRow {
  id: number;
  session: string;
  at: string;
  mac: Mac;
  nas: string;
  nasPort: string | null;
  document: SessionChange;
}

/** The newest certificate that a device showed, and where. */
export interface ShownCertificateRow {
  mac: Mac;
  at: string;
  nas: string;
  nasPort: string | null;
}

export interface ContestRow {
  mac: Mac;
  document: Contest;
}

/** `over`: the reason for it is gone; `dismissed`: a person said that there is nothing to it. */
export const suspicionStates = ['open', 'over', 'dismissed'] as const;

export interface SuspicionRow {
  id: number;
  mac: Mac;
  kind: SuspicionKind;
  state: (typeof suspicionStates)[number];
  /** What was done about it. */
  action: Exclude<SuspicionAction, 'ignore'>;
  class: string;
  reason: string;
  /** What it said of itself that contradicts its class; null for the other kinds. */
  said: Fingerprint | null;
  nas: string;
  nasPort: string | null;
  raisedAt: string;
  lastSeenAt: string;
  /** How often it was seen. */
  count: number;
  closedAt: string | null;
  closedBy: string | null;
  closedBecause: string | null;
}

/**
 * `staged`: it is being rolled out; `waiting`: it is good, and another one is being rolled out; `withdrawn`: a rollout of it was taken
 * back, and it is not tried again by itself.
 */
export type PolicyVersionStatus = 'active' | 'refused' | 'superseded' | 'staged' | 'waiting' | 'withdrawn';

export interface PolicyVersionRow {
  id: number;
  commit: string;
  author: string;
  committedAt: string;
  message: string;
  status: PolicyVersionStatus;
  /** Null when refused: there is no snapshot. */
  digest: string | null;
  diagnostics: Diagnostic[];
  at: string;
  approvals: Approval[];
  /** What the forge answered about it; null: nothing yet, or there is none. */
  asked: ForgeAsked | null;
}

/**
 * `recompile`: a schedule, a date or a service changed it; `stage`: its rollout began; `promote`, `withdraw`: its rollout, or that of
 * another one, was over.
 */
export const periodKinds = ['activate', 'stage', 'promote', 'withdraw', 'recompile', 'roll-back'] as const;

/** What changed, in short; or why that is not known. */
export type PeriodChange =
  | {
      readonly opened: number;
      readonly closed: number;
      /** Places (class, site, posture) whose access is another. */
      readonly places: number;
      /** Classes that any of it touches. */
      readonly classes: readonly string[];
    }
  | { readonly problem: string };

/** A time that a policy was in force. */
export interface PolicyPeriodRow {
  id: number;
  /** `stages`: only as far as its rollout had got. */
  scope: 'everywhere' | 'stages';
  how: (typeof periodKinds)[number];
  version: number;
  digest: string;
  since: string;
  /** Null: it is. */
  until: string | null;
  actor: string;
  reason: string | null;
  rollout: number | null;
  /** The period whose policy it is compared with; null: nothing was in force before, or nobody knows. */
  follows: number | null;
  /** Null: not worked out yet, or nothing to compare with. */
  change: PeriodChange | null;
}

/** A person rolled back, and the branch has not moved since: one row. */
export interface PolicyHoldRow {
  id: 1;
  /** That was brought back. */
  version: number;
  toCommit: string;
  fromCommit: string;
  /** Commits that are not taken by themselves: those known by then that came after. */
  held: string[];
  actor: string;
  reason: string;
  at: string;
}

/** What an enforcement point was left with. */
export interface PointRulesRow {
  point: string;
  /** How it is reached, and by which release: under another one a fingerprint means nothing. */
  target: string;
  /** Of the rules that were read back last; null: none were yet. */
  fingerprint: string | null;
  /** Snapshot that they are of. */
  digest: string | null;
  confirmedAt: string | null;
  /** Since then other rules are being brought there; null: nothing is unfinished. */
  begunAt: string | null;
}

/** What the active version needs to be in force again after a restart without git: one row. */
export interface ActivePolicyRow {
  id: 1;
  version: number;
  /** As `encodeSnapshot` gives it. */
  snapshot: object;
  /** The sources, to recompile when a schedule begins or ends. */
  files: Record<string, string>;
}

/** `staged`: it is being rolled out; `previous`: it was in force before, and can be again. */
export interface KeptPolicyRow {
  name: 'staged' | 'previous';
  version: number;
  snapshot: object;
  files: Record<string, string>;
}

/**
 * `promoted`: what the branch says is in force; `deleted`: there is no such branch any more; `expired`: its time is over; `replaced`: another
 * branch took its place.
 */
export type CandidateState = 'running' | 'promoted' | 'deleted' | 'expired' | 'stopped' | 'replaced';

/** A branch in audit. One is running at most. */
export interface CandidateRow {
  id: number;
  branch: string;
  until: string | null;
  reason: string | null;
  startedAt: string;
  startedBy: string;
  state: CandidateState;
  endedAt: string | null;
  /** The newest that was looked at. */
  commit: string;
  author: string;
  committedAt: string;
  /** Its sources, to compile it again; null: they can't be taken from that commit, or it is over. */
  files: Record<string, string> | null;
}

/** What the newest candidate compiled to: one row. */
export interface CandidateSnapshotRow {
  id: 1;
  /** What it was compiled from. */
  source: string;
  /** As `encodeSnapshot` gives it. */
  snapshot: object;
}

export const openRolloutStatuses = ['running', 'paused', 'halted'] as const;
export const rolloutStatuses = [...openRolloutStatuses, 'done', 'withdrawn'] as const;

export interface RolloutRow {
  id: number;
  /** Of the policy that is rolled out. */
  version: number;
  /** `halted`: a gate stopped it; `withdrawn`: what was covered has gone back. */
  status: (typeof rolloutStatuses)[number];
  /** Place in `rules.stages` of the one that is under way. */
  stage: number;
  stageSince: string;
  startedAt: string;
  endedAt: string | null;
  fromDigest: string;
  toDigest: string;
  /** Why it was paused, halted or withdrawn. */
  reason: string | null;
  /** Of the policy that it began from. */
  rules: RolloutRules;
  /** What stood before the first change: what gates compare with. */
  seen: RolloutBaseline;
}

export interface RolloutBaseline {
  /** Authentications up to this id were before. */
  readonly lastAuthentication: number;
  /** Point → packets that it had dropped, when that was read, and how fast they had come. */
  readonly denied: Readonly<
    Record<string, { readonly packets: number; readonly at: string; readonly perSecond: number }>
  >;
  /** What a person had seen when they let it go on after a gate had stopped it. */
  readonly acknowledged: Readonly<Record<'refused' | 'rejected' | 'missing', number>>;
}

/** Sessions that need not wait for the time of their class. Neither device nor class: all. */
export interface ReleaseOrderRow {
  id: number;
  digest: string;
  mac: Mac | null;
  class: string | null;
  at: string;
}

export interface BreakGlassRow {
  id: number;
  mac: Mac | null;
  class: string | null;
  /** The class that its devices count as. */
  opens: string;
  /** The person. */
  openedBy: string;
  /** Whose token it was. */
  actor: string;
  reason: string;
  openedAt: string;
  until: string;
  closedAt: string | null;
  /** Null: nobody did, or it ended by itself. */
  closedBy: string | null;
}

export interface AuditRow {
  id: number;
  at: string;
  actor: string;
  action: string;
  target: string;
  /** Why, as the actor gave it. */
  reason: string | null;
  before: object | null;
  after: object | null;
}

/**
 * `monitor` sees numbers only, no device; `planner` what plans and proposals have to know; `clinical` may say that a device is in clinical use,
 * `collector` tells what gateways denied or saw, and neither of these two sees anything.
 */
export const tokenRoles = ['admin', 'operator', 'viewer', 'monitor', 'planner', 'clinical', 'collector'] as const;
export type Role = (typeof tokenRoles)[number];

export interface TokenRow {
  id: string;
  name: string;
  role: Role;
  /** SHA-256 of the token; the token itself is not kept. */
  hash: string;
  createdAt: string;
}

export interface BridgeRow {
  id: string;
  lastSeq: number;
  lastSeen: string;
  /** Snapshot in force by which it says that it answers; null: it never said. */
  digest: string | null;
}

export interface CounterRow {
  name: string;
  value: number;
}

/** A port ACL that a switch was to have by name. */
export interface NamedListRow {
  name: string;
  entries: ListEntry[];
}

/** As `AclEntry`, with the prefix as text. */
export type ListEntry = Omit<AclEntry, 'destination'> & { readonly destination: string | null };

/** A service of a cluster: `CLUSTER/NAMESPACE/SERVICE`, and its addresses. */
export interface WorkloadRow {
  key: string;
  addresses: string[];
}

/** A message to a receiver; it is deleted once it was taken. */
export interface MessageRow {
  id: number;
  at: string;
  body: string;
}

/** What a receiver of webhooks was told last of something that gets wrong and right again. */
export interface WebhookSubjectRow {
  /** `session/ID`, `point/NAME`, `break-glass/ID` */
  subject: string;
  state: 'refused' | 'diverged' | 'doubtful' | 'failed' | 'unreachable' | 'open';
  /** When to look at it though nothing is reported. */
  due: string | null;
}

/** A delivery of a forge that came in the last day: `FORGE/ID`. */
export interface HookDeliveryRow {
  id: string;
  at: string;
}

/** What one rule counter of a point came to; `device…` is what the device said last. */
export interface RuleCountRow {
  point: string;
  /** Policy line id, or `denied`. */
  line: string;
  since: string;
  packets: number;
  bytes: number;
  devicePackets: number;
  deviceBytes: number;
}

/** Flows of an hour that read alike, of all devices that count as one class together; see `HourlyFlow`. */
export interface FlowRow extends HourlyFlow {
  id: number;
  /** Who told it: the enforcement point that denied it, or the exporter that saw it. */
  point: string;
}

const text: EntitySchemaColumnOptions = { type: 'text' };
const optionalText: EntitySchemaColumnOptions = { type: 'text', nullable: true };
const integer: EntitySchemaColumnOptions = { type: 'integer' };
const json: EntitySchemaColumnOptions = { type: 'simple-json' };
const optionalJson: EntitySchemaColumnOptions = { type: 'simple-json', nullable: true };
const key: EntitySchemaColumnOptions = { type: 'text', primary: true };
const serial: EntitySchemaColumnOptions = { type: 'integer', primary: true, generated: 'increment' };

export const devices = new EntitySchema<DeviceRow>({
  name: 'device',
  columns: {
    mac: key,
    class: text,
    posture: text,
    name: text,
    location: text,
    serial: text,
    notes: text,
    inUse: optionalText,
    revision: integer,
    createdAt: text,
    updatedAt: text,
  },
});

export const tombstones = new EntitySchema<TombstoneRow>({
  name: 'device_tombstone',
  columns: { mac: key, revision: integer },
});

export const credentials = new EntitySchema<CredentialRow>({
  name: 'credential',
  columns: {
    username: key,
    mac: text,
    passwordHash: optionalText,
    ntHash: optionalText,
    revision: integer,
    createdAt: text,
    updatedAt: text,
  },
});

export const credentialTombstones = new EntitySchema<CredentialTombstoneRow>({
  name: 'credential_tombstone',
  columns: { username: key, revision: integer },
});

export const sessions = new EntitySchema<SessionRow>({
  name: 'session',
  columns: {
    id: key,
    bridge: text,
    state: text,
    mac: text,
    nas: text,
    nasPort: optionalText,
    site: text,
    class: text,
    segment: text,
    method: text,
    addresses: json,
    startedAt: text,
    updatedAt: text,
    endedAt: optionalText,
    successor: optionalText,
    document: json,
  },
});

export const authentications = new EntitySchema<AuthenticationRow>({
  name: 'authentication',
  columns: {
    id: serial,
    bridge: text,
    seq: integer,
    at: text,
    mac: optionalText,
    nas: text,
    nasPort: optionalText,
    outcome: text,
    segment: optionalText,
    document: json,
  },
});

export const sessionChanges = new EntitySchema<SessionChangeRow>({
  name: 'session_change',
  columns: { id: serial, session: text, at: text, mac: text, nas: text, nasPort: optionalText, document: json },
});

export const shownCertificates = new EntitySchema<ShownCertificateRow>({
  name: 'shown_certificate',
  columns: { mac: key, at: text, nas: text, nasPort: optionalText },
});

export const contests = new EntitySchema<ContestRow>({ name: 'contest', columns: { mac: key, document: json } });

export const suspicions = new EntitySchema<SuspicionRow>({
  name: 'suspicion',
  columns: {
    id: serial,
    mac: text,
    kind: text,
    state: text,
    action: text,
    class: text,
    reason: text,
    said: optionalJson,
    nas: text,
    nasPort: optionalText,
    raisedAt: text,
    lastSeenAt: text,
    count: integer,
    closedAt: optionalText,
    closedBy: optionalText,
    closedBecause: optionalText,
  },
});

export const policyVersions = new EntitySchema<PolicyVersionRow>({
  name: 'policy_version',
  columns: {
    id: serial,
    commit: text,
    author: text,
    committedAt: text,
    message: text,
    status: text,
    digest: optionalText,
    diagnostics: json,
    at: text,
    approvals: json,
    asked: optionalJson,
  },
});

export const policyPeriods = new EntitySchema<PolicyPeriodRow>({
  name: 'policy_period',
  columns: {
    id: serial,
    scope: text,
    how: text,
    version: integer,
    digest: text,
    since: text,
    until: optionalText,
    actor: text,
    reason: optionalText,
    rollout: { type: 'integer', nullable: true },
    follows: { type: 'integer', nullable: true },
    change: optionalJson,
  },
});

export const policyHolds = new EntitySchema<PolicyHoldRow>({
  name: 'policy_hold',
  columns: {
    id: { type: 'integer', primary: true },
    version: integer,
    toCommit: text,
    fromCommit: text,
    held: json,
    actor: text,
    reason: text,
    at: text,
  },
});

export const pointRules = new EntitySchema<PointRulesRow>({
  name: 'point_rules',
  columns: {
    point: key,
    target: text,
    fingerprint: optionalText,
    digest: optionalText,
    confirmedAt: optionalText,
    begunAt: optionalText,
  },
});

export const activePolicies = new EntitySchema<ActivePolicyRow>({
  name: 'active_policy',
  columns: { id: { type: 'integer', primary: true }, version: integer, snapshot: json, files: json },
});

export const keptPolicies = new EntitySchema<KeptPolicyRow>({
  name: 'kept_policy',
  columns: { name: key, version: integer, snapshot: json, files: json },
});

export const candidates = new EntitySchema<CandidateRow>({
  name: 'candidate',
  columns: {
    id: serial,
    branch: text,
    until: optionalText,
    reason: optionalText,
    startedAt: text,
    startedBy: text,
    state: text,
    endedAt: optionalText,
    commit: text,
    author: text,
    committedAt: text,
    files: optionalJson,
  },
});

export const candidateSnapshots = new EntitySchema<CandidateSnapshotRow>({
  name: 'candidate_snapshot',
  columns: { id: { type: 'integer', primary: true }, source: text, snapshot: json },
});

export const rollouts = new EntitySchema<RolloutRow>({
  name: 'rollout',
  columns: {
    id: serial,
    version: integer,
    status: text,
    stage: integer,
    stageSince: text,
    startedAt: text,
    endedAt: optionalText,
    fromDigest: text,
    toDigest: text,
    reason: optionalText,
    rules: json,
    seen: json,
  },
});

export const releaseOrders = new EntitySchema<ReleaseOrderRow>({
  name: 'release_order',
  columns: { id: serial, digest: text, mac: optionalText, class: optionalText, at: text },
});

export const breakGlasses = new EntitySchema<BreakGlassRow>({
  name: 'break_glass',
  columns: {
    id: serial,
    mac: optionalText,
    class: optionalText,
    opens: text,
    openedBy: text,
    actor: text,
    reason: text,
    openedAt: text,
    until: text,
    closedAt: optionalText,
    closedBy: optionalText,
  },
});

export const audits = new EntitySchema<AuditRow>({
  name: 'audit',
  columns: {
    id: serial,
    at: text,
    actor: text,
    action: text,
    target: text,
    reason: optionalText,
    before: optionalJson,
    after: optionalJson,
  },
});

export const tokens = new EntitySchema<TokenRow>({
  name: 'token',
  columns: { id: key, name: text, role: text, hash: text, createdAt: text },
});

export const bridges = new EntitySchema<BridgeRow>({
  name: 'bridge',
  columns: { id: key, lastSeq: integer, lastSeen: text, digest: optionalText },
});

export const counters = new EntitySchema<CounterRow>({ name: 'counter', columns: { name: key, value: integer } });

export const namedLists = new EntitySchema<NamedListRow>({ name: 'named_list', columns: { name: key, entries: json } });
export const workloads = new EntitySchema<WorkloadRow>({ name: 'workload', columns: { key, addresses: json } });

export const webhookMessages = new EntitySchema<MessageRow>({
  name: 'webhook_message',
  columns: { id: serial, at: text, body: text },
});

export const webhookSubjects = new EntitySchema<WebhookSubjectRow>({
  name: 'webhook_subject',
  columns: { subject: key, state: text, due: optionalText },
});

/** What waits for the forge. */
export const forgeMessages = new EntitySchema<MessageRow>({
  name: 'forge_message',
  columns: { id: serial, at: text, body: text },
});

/** Commits whose approvals the forge is still to be asked for. */
export const approvalMessages = new EntitySchema<MessageRow>({
  name: 'approval_message',
  columns: { id: serial, at: text, body: text },
});

export const hookDeliveries = new EntitySchema<HookDeliveryRow>({
  name: 'hook_delivery',
  columns: { id: key, at: text },
});

export const ruleCounts = new EntitySchema<RuleCountRow>({
  name: 'rule_count',
  columns: {
    point: key,
    line: key,
    since: text,
    packets: integer,
    bytes: integer,
    devicePackets: integer,
    deviceBytes: integer,
  },
});

const flowColumns: EntitySchemaOptions<FlowRow>['columns'] = {
  id: serial,
  at: text,
  point: text,
  role: text,
  destination: text,
  protocol: integer,
  port: integer,
  answered: text,
  firstAt: text,
  lastAt: text,
  packets: integer,
  connections: integer,
  sources: json,
};
export const deniedFlows = new EntitySchema<FlowRow>({ name: 'denied_flow', columns: flowColumns });
export const seenFlows = new EntitySchema<FlowRow>({ name: 'seen_flow', columns: flowColumns });

export const schemas = [
  devices,
  tombstones,
  credentials,
  credentialTombstones,
  sessions,
  authentications,
  sessionChanges,
  shownCertificates,
  contests,
  suspicions,
  policyVersions,
  policyPeriods,
  policyHolds,
  pointRules,
  activePolicies,
  keptPolicies,
  candidates,
  candidateSnapshots,
  rollouts,
  releaseOrders,
  breakGlasses,
  audits,
  tokens,
  bridges,
  counters,
  namedLists,
  workloads,
  webhookMessages,
  webhookSubjects,
  forgeMessages,
  approvalMessages,
  hookDeliveries,
  ruleCounts,
  deniedFlows,
  seenFlows,
];
