import type { CoaOutcome, Session } from '#model';

/** Where a session was put, as what, and by which rule of which policy. */
export type Placement = Pick<
  Session,
  | 'class'
  | 'posture'
  | 'site'
  | 'segment'
  | 'vlan'
  | 'role'
  | 'rule'
  | 'decisionId'
  | 'snapshotDigest'
  | 'method'
  | 'acctSessionId'
>;

export type SessionChange =
  | { readonly kind: 'began'; readonly placement: Placement }
  | { readonly kind: 'moved'; readonly from: Placement; readonly placement: Placement }
  | { readonly kind: 'told'; readonly coa: CoaOutcome }
  | { readonly kind: 'ended'; readonly reason: string | null };

export interface DatedChange {
  readonly at: string;
  readonly change: SessionChange;
}

const telling = ['class', 'posture', 'site', 'segment', 'vlan', 'role', 'rule'] as const;

/**
 * What happened to a session between two reports of it, oldest first. Bridges report sessions whole, as they are: what came
 * and went between two reports, while the controller was away, is not known, but for the last attempts to change it. A re-authentication that changed nothing but
 * the name of the decision is no change: it is among the authentications.
 */
export function changesBetween(before: Session | null, after: Session): DatedChange[] {
  const changes: DatedChange[] = [];
  const placement = placementOf(after);
  if (!before) changes.push({ at: after.startedAt, change: { kind: 'began', placement } });
  for (const coa of attemptsSince(before, after)) changes.push({ at: coa.at, change: { kind: 'told', coa } });
  if (before && telling.some((field) => before[field] !== after[field])) {
    changes.push({ at: after.updatedAt, change: { kind: 'moved', from: placementOf(before), placement } });
  }
  const isOver = after.state === 'closed' && before?.state !== 'closed';
  if (isOver)
    changes.push({ at: after.endedAt ?? after.updatedAt, change: { kind: 'ended', reason: after.endReason } });
  return changes;
}

/** The attempts that `before` does not know: the only place that knows how a session carries them. */
function attemptsSince(before: Session | null, after: Session): CoaOutcome[] {
  const all = after.lastCoa ? [after.lastCoa, ...after.earlierCoa] : [];
  const known = all.findIndex(({ at }) => at === before?.lastCoa?.at);
  return all.slice(0, known < 0 ? all.length : known).reverse();
}

function placementOf(session: Session): Placement {
  const { class: name, posture, site, segment, vlan, role, rule } = session;
  const { decisionId, snapshotDigest, method, acctSessionId } = session;
  return { class: name, posture, site, segment, vlan, role, rule, decisionId, snapshotDigest, method, acctSessionId };
}
