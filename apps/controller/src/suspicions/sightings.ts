import type { Authentication, Fingerprint, Session, SuspicionKind } from '#model';
import type { Mac } from '#net';
import { contradiction, foreignMaker, type Snapshot } from '#policy';
import type { ShownCertificateRow, SuspicionRow } from '../store/rows.js';
import { followContest, type Contest, type SessionReport } from './two-ports.js';

/** Something that makes a device suspect. */
export interface Sighting {
  readonly kind: SuspicionKind;
  readonly mac: Mac;
  /** Null: what the registry says of the device. */
  readonly class: string | null;
  readonly nas: string;
  readonly nasPort: string | null;
  readonly at: string;
  readonly reason: string;
  /** What it said of itself that makes it suspect; null: nothing of that. */
  readonly said: Fingerprint | null;
  /** Nobody got in: quarantine would hit the device itself, and nobody else. */
  readonly isRefused: boolean;
  /** Counts when it is known already. */
  readonly isNew: boolean;
}

/** A reason to suspect is gone. */
export interface Relief {
  readonly kind: SuspicionKind;
  readonly mac: Mac;
  /** Whether the reason is gone for what was seen there. */
  readonly covers: (seen: Seen) => boolean;
  readonly reason: string;
}

type Seen = Pick<SuspicionRow, 'nas' | 'nasPort' | 'said'>;

export type Finding = { readonly sighting: Sighting } | { readonly relief: Relief };

/** `shown` is brought up to date: the newest certificate of each device. */
export function judgeAuthentications(
  authentications: readonly Authentication[],
  shown: Map<string, ShownCertificateRow>,
): Finding[] {
  return authentications.flatMap((each): Finding[] => {
    const { at, nas, nasPort, method, outcome } = each;
    if (each.mac === null || (method !== 'certificate' && method !== 'mac')) return [];
    const mac = each.mac as Mac;
    const certificate = shown.get(mac);
    if (method === 'certificate') {
      if (!certificate || certificate.at < at) shown.set(mac, { mac, at, nas, nasPort });
      const reason = 'it showed its certificate on this port';
      return [{ relief: { kind: 'downgrade', mac, covers: (seen) => isAt(seen, each), reason } }];
    }
    // A bridge that was away reports late what was before.
    if (!certificate || certificate.at >= at) return [];
    const isRefused = outcome === 'reject';
    const was = `it showed a certificate on ${certificate.nas} ${certificate.nasPort ?? ''}`.trimEnd();
    const reason = `${was} at ${certificate.at}, and comes by its MAC address now${isRefused ? ' (refused)' : ''}`;
    const where = { class: each.class, nas, nasPort, at };
    return [{ sighting: { kind: 'downgrade', mac, ...where, reason, said: null, isRefused, isNew: true } }];
  });
}

export function judgeVendors(reports: readonly SessionReport[], snapshot: Snapshot): Finding[] {
  return reports.flatMap(({ before, after }): Finding[] => {
    const { mac, nas, nasPort, updatedAt: at } = after;
    if (after.state !== 'open') return [];
    const reason = foreignMaker(snapshot, after.class, mac);
    const isNew = before?.class !== after.class;
    if (reason === null)
      return [{ relief: { kind: 'vendor', mac, covers: () => true, reason: 'its address is in order for its class' } }];
    const where = { class: after.class, nas, nasPort, at };
    return [{ sighting: { kind: 'vendor', mac, ...where, reason, said: null, isRefused: false, isNew } }];
  });
}

/**
 * What a session has is what was said on its port, and a copy elsewhere says what it likes. So the reason is gone only where the
 * policy now allows what was said, or the device on that same port says something else now.
 */
export function judgeFingerprints(reports: readonly SessionReport[], snapshot: Snapshot): Finding[] {
  return reports.flatMap(({ before, after }): Finding[] => {
    const { mac, nas, nasPort, updatedAt: at } = after;
    if (after.state !== 'open') return [];
    const found = contradictionOf(after, snapshot);
    if (found) {
      const isNew = (before && contradictionOf(before, snapshot)?.reason) !== found.reason;
      const where = { class: after.class, nas, nasPort, at };
      return [{ sighting: { kind: 'fingerprint', mac, ...where, ...found, isRefused: false, isNew } }];
    }
    const covers = (seen: Seen): boolean =>
      contradiction(snapshot, after.class, { ...seen.said, ...(isAt(seen, after) ? after.fingerprint : null) }) ===
      null;
    return [{ relief: { kind: 'fingerprint', mac, covers, reason: 'what it says is in order for its class' } }];
  });
}

const contradictionOf = ({ class: name, fingerprint }: Session, snapshot: Snapshot) =>
  fingerprint ? contradiction(snapshot, name, fingerprint) : null;

const isAt = (seen: Seen, { nas, nasPort }: Pick<Session, 'nas' | 'nasPort'>): boolean =>
  seen.nas === nas && seen.nasPort === nasPort;

/** `contests` is brought up to date; null: nothing is to be followed any more. */
export function judgePorts(
  reports: readonly SessionReport[],
  stored: ReadonlyMap<string, readonly Session[]>,
  contests: Map<string, Contest | null>,
): Finding[] {
  const now = new Map([...stored.values()].flat().map((session) => [session.id, session]));
  return reports.flatMap((report): Finding[] => {
    const { after } = report;
    const { mac, nas, nasPort } = after;
    now.set(after.id, after);
    const others = (stored.get(mac) ?? []).filter(({ id }) => id !== after.id).map(({ id }) => now.get(id)!);
    const { contest, isFound } = followContest(contests.get(mac) ?? null, report, others);
    contests.set(mac, contest);
    if (!isFound) return [];
    const at = after.updatedAt;
    const reason = `it is on ${contest!.other} and on ${contest!.port} by turns, ${contest!.changes.length} times since ${contest!.changes[0]}`;
    const where = { class: after.class, nas, nasPort, at };
    return [{ sighting: { kind: 'two-ports', mac, ...where, reason, said: null, isRefused: false, isNew: true } }];
  });
}
