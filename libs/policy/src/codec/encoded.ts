import type { AccessRule, FlowRule, Snapshot } from '../snapshot.js';

/*
 * A snapshot as JSON. What many classes share is stored once, under the hash of its content: address sets (`sets`), what a
 * class may do in one direction (`directions`), port ACLs (`acls`). The digest is the hash of the sections' hashes, so that
 * after an edit only what changed is hashed again.
 */
export interface EncodedSnapshot {
  readonly format: 3;
  readonly digest: string;
  readonly compiledFor: string;
  readonly provenance: Snapshot['provenance'];
  readonly sections: EncodedSections;
  readonly sets: Readonly<Record<string, EncodedAddresses>>;
  readonly directions: Readonly<Record<string, EncodedDirection>>;
  readonly acls: Readonly<Record<string, EncodedAcl>>;
}

export type Content = Omit<Snapshot, 'format' | 'digest' | 'compiledFor' | 'provenance'>;
export type EncodedAddresses = readonly string[];
export type EncodedServices = readonly (readonly [number, number])[];

/** [addresses: hash of a set, services, rule ids] and [peer, services, rule ids]. */
export interface EncodedDirection {
  readonly allowed: readonly EncodedRegion[];
  readonly denied: readonly EncodedRegion[];
  readonly peersAllowed: readonly EncodedRegion[];
  readonly peersDenied: readonly EncodedRegion[];
}
export type EncodedRegion = readonly [string, EncodedServices, readonly string[]];

/** Entries that differ in their destination only, one behind the other, are one row; null: any destination. */
export type EncodedAcl = readonly AclRow[];
export type AclRow = readonly [
  action: 'permit' | 'deny',
  family: 4 | 6,
  protocol: number | null,
  sourcePorts: readonly [number, number] | null,
  destinationPorts: readonly [number, number] | null,
  established: boolean,
  destinations: readonly (string | null)[],
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
  readonly accessTable: unknown;
  readonly flows: Readonly<Record<string, { readonly outbound: string; readonly inbound: string }>>;
  readonly portAcls: Readonly<Record<string, string>>;
  readonly nas: unknown;
  readonly enforcementPoints: Content['enforcementPoints'];
};
