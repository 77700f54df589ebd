import type { AccessGrant, AccessRule, FlowRule, Snapshot } from '../snapshot.js';

/*
 * A snapshot as JSON. What many classes share is stored once: address sets (`sets`), what a class may do in one direction
 * (`directions`) and port ACLs (`acls`) under the hash of their content; what directions and ACLs consist of as rows, which
 * they name by their places in `regions` and `entries`. The digest is the hash of the sections' hashes, so that after an
 * edit only what changed is hashed again. Hashes are of canonical JSON with the rows in place of their numbers.
 */
export interface EncodedSnapshot {
  readonly format: 9;
  readonly digest: string;
  readonly compiledFor: string;
  readonly provenance: Snapshot['provenance'];
  readonly sections: EncodedSections;
  readonly sets: Readonly<Record<string, EncodedAddresses>>;
  readonly directions: Readonly<Record<string, EncodedDirection>>;
  readonly acls: Readonly<Record<string, EncodedAcl>>;
  readonly regions: readonly EncodedRegion[];
  readonly entries: readonly EncodedEntry[];
}

export type Content = Omit<Snapshot, 'format' | 'digest' | 'compiledFor' | 'provenance'>;
export type EncodedAddresses = readonly string[];
export type EncodedServices = readonly (readonly [number, number])[];

/** Places in `regions`. */
export type EncodedDirection = readonly [
  allowed: readonly number[],
  denied: readonly number[],
  peersAllowed: readonly number[],
  peersDenied: readonly number[],
];
/** `far`: hash of a set, or name of a class. */
export type EncodedRegion = readonly [far: string, services: EncodedServices, rules: readonly string[]];

/** Places in `entries`. */
export type EncodedAcl = readonly number[];
export type EncodedEntry = readonly [
  action: 'permit' | 'deny',
  family: 4 | 6,
  protocol: number | null,
  sourcePorts: readonly [number, number] | null,
  destination: string | null,
  destinationPorts: readonly [number, number] | null,
  established: boolean,
];

/** Rules are the bulk of a large policy: lists of values, in the order that the names stand in here; lines are beside them. */
export const flowRuleColumns = [
  'id',
  'file',
  'text',
  'subject',
  'object',
  'application',
  'effect',
  'when',
  'note',
  'active',
] as const satisfies readonly (keyof FlowRule)[];
export const accessRuleColumns = [
  'id',
  'file',
  'line',
  'text',
  'class',
  'site',
  'posture',
  'segment',
  'when',
  'note',
  'active',
] as const satisfies readonly (keyof AccessRule)[];
/** Beside these, a grant has the id of its access rule. */
export const grantColumns = [
  'class',
  'site',
  'posture',
  'segment',
  'vlan',
  'sgt',
  'role',
  'voice',
] as const satisfies readonly (keyof AccessGrant)[];
export type FlowRuleRow = readonly FlowRule[(typeof flowRuleColumns)[number]][];
export interface EncodedRules {
  readonly rows: readonly FlowRuleRow[];
  /** The line in its file of each. */
  readonly lines: readonly number[];
}
export type AccessRuleRow = readonly AccessRule[(typeof accessRuleColumns)[number]][];

/** Sets by reference, everything else as it is. */
export type EncodedSections = {
  readonly nextChangeAt: Content['nextChangeAt'];
  readonly classes: Content['classes'];
  readonly sites: Content['sites'];
  readonly segments: unknown;
  readonly endpoints: unknown;
  readonly applications: unknown;
  readonly schedules: Content['schedules'];
  readonly flowRules: EncodedRules;
  readonly accessRules: readonly AccessRuleRow[];
  readonly accessTable: readonly (readonly unknown[])[];
  readonly flows: Readonly<Record<string, { readonly outbound: string; readonly inbound: string }>>;
  readonly portAcls: Readonly<Record<string, string>>;
  readonly nas: unknown;
  readonly proxies: unknown;
  readonly eap: Content['eap'];
  readonly radsec: Content['radsec'];
  readonly suspicions: Content['suspicions'];
  readonly rollout: Content['rollout'];
  readonly enforcementPoints: Content['enforcementPoints'];
};
