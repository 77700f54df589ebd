import type { Authentication } from '#model';
import type { VersionOfDigest } from '../policy/policy-store.js';
import type { AuditRow, SuspicionRow } from '../store/rows.js';
import type { AuthenticationView } from './authentication-store.js';
import type { Records } from './history-store.js';
import type { SessionChange } from './session-changes.js';

/** What was in force where, as far as a policy can change it. */
type Grant = Pick<Authentication, 'class' | 'posture' | 'site' | 'segment' | 'vlan' | 'rule' | 'snapshotDigest'>;

export type HistoryEntry =
  | { readonly type: 'authentication'; readonly at: string; readonly authentication: AuthenticationView }
  | {
      readonly type: 'session';
      readonly at: string;
      readonly session: string;
      readonly mac: string;
      readonly nas: string;
      readonly nasPort: string | null;
      readonly change: SessionChange;
    }
  | ({ readonly type: 'device'; readonly at: string } & Pick<
      AuditRow,
      'actor' | 'action' | 'reason' | 'before' | 'after'
    >)
  /** Raised then. */
  | { readonly type: 'suspicion'; readonly at: string; readonly suspicion: SuspicionRow }
  /** A policy came into force and gave a device another grant than the one before. */
  | {
      readonly type: 'policy';
      readonly at: string;
      readonly mac: string;
      readonly version: VersionOfDigest;
      readonly from: Grant;
      readonly to: Grant;
    };

/** Everything that is known, oldest first. `versionOf`: the policy that had a digest. */
export function historyOf(records: Records, versionOf: (digest: string) => VersionOfDigest | null): HistoryEntry[] {
  const entries: HistoryEntry[] = [
    ...records.authentications.map((authentication) => ({
      type: 'authentication' as const,
      at: authentication.at,
      authentication,
    })),
    ...records.changes.map(({ at, session, mac, nas, nasPort, document }) => ({
      type: 'session' as const,
      at,
      session,
      mac,
      nas,
      nasPort,
      change: document,
    })),
    ...records.audit.map(({ at, actor, action, reason, before, after }) => ({
      type: 'device' as const,
      at,
      actor,
      action,
      reason,
      before,
      after,
    })),
    ...records.suspicions.map((suspicion) => ({ type: 'suspicion' as const, at: suspicion.raisedAt, suspicion })),
  ];
  return [...entries, ...policyChanges(records, versionOf)].sort(compareEntries);
}

/** At one instant the cause stands before what came of it. */
const order = { policy: 0, device: 1, authentication: 2, session: 3, suspicion: 4 } as const;

function compareEntries(a: HistoryEntry, b: HistoryEntry): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : order[a.type] - order[b.type];
}

/**
 * Two grants of a device that follow each other, differ, and differ in nothing that the device or its port did: then it was the
 * policy. What a policy changes in a port ACL alone shows as the CoA that told the switch.
 */
function policyChanges(
  { authentications, changes }: Records,
  versionOf: (digest: string) => VersionOfDigest | null,
): HistoryEntry[] {
  const grants = [
    ...authentications.flatMap((each) => (each.outcome === 'accept' && each.mac ? [{ ...each, mac: each.mac }] : [])),
    ...changes.flatMap(({ mac, at, document }) =>
      document.kind === 'began' || document.kind === 'moved' ? [{ ...document.placement, mac, at }] : [],
    ),
  ];
  return [...Map.groupBy(grants, ({ mac }) => mac)].flatMap(([mac, own]) => {
    const inOrder = own.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return inOrder.flatMap((to, n): HistoryEntry[] => {
      const from = inOrder[n - 1];
      if (!from || !isOfPolicy(from, to) || to.snapshotDigest === null) return [];
      const version = versionOf(to.snapshotDigest);
      if (!version) return [];
      const at = version.inForceAt > from.at && version.inForceAt < to.at ? version.inForceAt : to.at;
      return [{ type: 'policy', at, mac, version, from: grantOf(from), to: grantOf(to) }];
    });
  });
}

function isOfPolicy(from: Grant, to: Grant): boolean {
  const isSameDevice = from.class === to.class && from.posture === to.posture && from.site === to.site;
  const isAnotherGrant = from.segment !== to.segment || from.vlan !== to.vlan;
  return isSameDevice && isAnotherGrant && from.snapshotDigest !== to.snapshotDigest;
}

function grantOf({ class: name, posture, site, segment, vlan, rule, snapshotDigest }: Grant): Grant {
  return { class: name, posture, site, segment, vlan, rule, snapshotDigest };
}

/** Digests that stand anywhere in the records. */
export function digestsOf({ authentications, changes }: Records): Set<string> {
  const found = new Set<string>();
  for (const { snapshotDigest } of authentications) if (snapshotDigest !== null) found.add(snapshotDigest);
  for (const { document } of changes) {
    if (document.kind === 'began' || document.kind === 'moved') found.add(document.placement.snapshotDigest);
    if (document.kind === 'moved') found.add(document.from.snapshotDigest);
  }
  return found;
}
