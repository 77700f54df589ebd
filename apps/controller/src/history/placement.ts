import type { Authentication, Session } from '#model';
import type { AuditRow, SessionChangeRow } from '../store/rows.js';
import type { AuthenticationView } from './authentication-store.js';
import type { Records } from './history-store.js';

/** Where a device was at an instant, and what put it there. */
export interface PlacedDevice {
  readonly mac: string | null;
  readonly nas: string;
  readonly nasPort: string | null;
  readonly state: 'placed' | 'rejected' | 'gone';
  /** The first record that says so without a break. */
  readonly since: string;
  /** By an answer to the device's own request, or by a CoA to the switch. */
  readonly by: 'authentication' | 'coa' | 'session-end';
  readonly class: string | null;
  readonly posture: Session['posture'] | null;
  readonly site: string | null;
  readonly method: Session['method'] | null;
  readonly segment: string | null;
  readonly vlan: number | null;
  readonly rule: string | null;
  readonly snapshotDigest: string | null;
  readonly decisionId: string | null;
  /** The authentication of that decision; null when it was a CoA, or is no longer stored. */
  readonly decision: AuthenticationView | null;
  /** Why it was rejected, or why its session ended. */
  readonly reason: string | null;
}

type Step = Omit<PlacedDevice, 'since' | 'decision'> & { readonly at: string };

/**
 * Who was on a port, or where a device was, at the end of the records (which are of one port, or of one device). First the
 * devices that had a place, then those that were rejected; of those that were gone only the last, and only when nobody else was
 * there.
 */
export function placedAt({ authentications, changes }: Pick<Records, 'authentications' | 'changes'>): PlacedDevice[] {
  const steps = [...authentications.map(stepOfAuthentication), ...changes.flatMap(stepOfChange)].sort((a, b) =>
    a.at < b.at ? -1 : a.at > b.at ? 1 : 0,
  );
  const devices = [...Map.groupBy(steps, ({ mac }) => mac).values()]
    .map((own) => lastOf(own, authentications))
    .sort((a, b) => (a.since < b.since ? 1 : -1));
  const there = ['placed', 'rejected'].flatMap((state) => devices.filter((device) => device.state === state));
  return there.length > 0 ? there : devices.slice(0, 1);
}

function lastOf(own: readonly Step[], authentications: readonly AuthenticationView[]): PlacedDevice {
  const { at, ...last } = own.at(-1)!;
  const unlike = own.findLastIndex((step) => !isSame(step, last));
  const decision =
    authentications.find(({ decisionId, mac }) => mac === last.mac && decisionId === last.decisionId) ?? null;
  // A session moves also when its device asks again: then the reply told the switch, not a CoA.
  const by = decision ? 'authentication' : last.by;
  return { ...last, by, since: own[unlike + 1]?.at ?? at, decision };
}

function isSame(a: Omit<Step, 'at'>, b: Omit<Step, 'at'>): boolean {
  return (
    a.state === b.state && a.nas === b.nas && a.nasPort === b.nasPort && a.segment === b.segment && a.vlan === b.vlan
  );
}

function stepOfAuthentication(authentication: AuthenticationView): Step {
  const { at, mac, nas, nasPort, outcome, reason, decisionId } = authentication;
  const isAccept = outcome === 'accept';
  const place = { mac, nas, nasPort, state: isAccept ? 'placed' : 'rejected', by: 'authentication' } as const;
  return { ...place, ...grantOf(authentication), at, decisionId, reason: isAccept ? null : reason };
}

function stepOfChange({ at, mac, nas, nasPort, document }: SessionChangeRow): Step[] {
  const place = { at, mac, nas, nasPort };
  if (document.kind === 'told') return [];
  if (document.kind === 'ended') {
    return [{ ...place, ...nothing, state: 'gone', by: 'session-end', decisionId: null, reason: document.reason }];
  }
  const { decisionId } = document.placement;
  const by = document.kind === 'began' ? 'authentication' : 'coa';
  return [{ ...place, ...grantOf(document.placement), state: 'placed', by, decisionId, reason: null }];
}

type Granted = Pick<
  Authentication,
  'class' | 'posture' | 'site' | 'method' | 'segment' | 'vlan' | 'rule' | 'snapshotDigest'
>;
const nothing: Granted = {
  class: null,
  posture: null,
  site: null,
  method: null,
  segment: null,
  vlan: null,
  rule: null,
  snapshotDigest: null,
};

function grantOf({ class: name, posture, site, method, segment, vlan, rule, snapshotDigest }: Granted): Granted {
  return { class: name, posture, site, method, segment, vlan, rule, snapshotDigest };
}

/** The entry of the audit trail that gave a device's record this field its value; newest first in. */
export function lastSetting(audit: readonly AuditRow[], field: 'class' | 'posture'): AuditRow | null {
  const value = (record: object | null): unknown => (record as Record<string, unknown> | null)?.[field];
  return audit.find(({ before, after }) => value(before) !== value(after)) ?? null;
}
