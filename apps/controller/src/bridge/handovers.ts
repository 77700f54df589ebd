import { isSuccessor, lastHeard, wentOnWith, type Session, type SessionElsewhere } from '#model';
import { In, MoreThan, IsNull, Not, type EntityManager } from 'typeorm';
import { bridges, sessions, type SessionRow } from '../store/rows.js';

/*
 * A switch that goes over to another bridge. Bridges know only what they heard themselves, so each is told what others have of its devices
 * by the same switch; the one that heard last says on its session which ones that session succeeds (`SessionsElsewhere` of the bridge).
 *
 * INVARIANT: of two sessions one of which succeeds the other at most one is stored as open: that of which the switch spoke last. So a
 * bridge that is gone, or comes back with old news, keeps no rights for an address. `successor` says that the bridge of a session
 * does not know yet.
 */

export interface Offer {
  /** The bridge to tell. */
  readonly to: string;
  readonly elsewhere: SessionElsewhere;
}

export interface Handovers {
  readonly offers: readonly Offer[];
  /** Sessions that were open, as they are stored now. */
  readonly ended: readonly Session[];
}

/** A bridge remembers closed sessions for as long. */
const keptMilliseconds = 3_600_000;

/** What the sessions that `bridge` has reported mean for those of other bridges, and the other way round. They are stored already. */
export async function followHandovers(
  tx: EntityManager,
  bridge: string,
  reported: readonly Session[],
  now: Date,
): Promise<Handovers> {
  if (reported.length === 0 || !(await tx.existsBy(bridges, { id: Not(bridge) }))) return { offers: [], ended: [] };
  const since = new Date(now.getTime() - keptMilliseconds).toISOString();
  const others = { mac: In([...new Set(reported.map(({ mac }) => mac))]), bridge: Not(bridge) };
  const rows = await tx.findBy(sessions, [
    { ...others, state: 'open' },
    { ...others, successor: Not(IsNull()) },
    { ...others, updatedAt: MoreThan(since) },
  ]);
  const offers: Offer[] = [];
  const ended = new Map<string, { readonly session: Session; readonly by: string; readonly successor: string }>();
  for (const ours of reported) {
    for (const { bridge: there, document: theirs, successor } of rows.filter((row) => isOfSame(row, ours))) {
      if (succeeds(theirs, ours)) ended.set(ours.id, { session: ours, by: there, successor: theirs.id });
      if (succeeds(ours, theirs)) ended.set(theirs.id, { session: theirs, by: bridge, successor: ours.id });
      if (theirs.state === 'open' || succeeds(theirs, ours))
        offers.push({ to: bridge, elsewhere: { bridge: there, session: theirs } });
      const isOpenThere = theirs.state === 'open' || successor !== null;
      if (isOpenThere || (ours.state === 'open' && lastHeard(theirs) > lastHeard(ours)))
        offers.push({ to: there, elsewhere: { bridge, session: ours } });
    }
  }
  const open = [...ended.values()].filter(({ session }) => session.state === 'open');
  const closed: Session[] = [];
  for (const { session, by, successor } of open) {
    const document = endedBy(session, by, now);
    const { id, state, endedAt } = document;
    await tx.update(sessions, { id }, { state, endedAt, document, successor });
    closed.push(document);
  }
  return { offers, ended: closed };
}

/** What a bridge that connects may have missed. */
export async function offersTo(db: EntityManager, bridge: string): Promise<SessionElsewhere[]> {
  const rows = await db.query<{ bridge: string; document: string }[]>(
    `SELECT e.bridge, e.document FROM session e WHERE e.state = 'open' AND e.bridge <> ?1
       AND EXISTS (SELECT 1 FROM session m WHERE m.mac = e.mac AND m.nas = e.nas AND m.bridge = ?1
         AND (m.state = 'open' OR m.updatedAt > e.updatedAt))
     UNION
     SELECT e.bridge, e.document FROM session m JOIN session e ON e.id = m.successor WHERE m.bridge = ?1`,
    [bridge],
  );
  return rows.map(({ bridge: there, document }) => ({ bridge: there, session: JSON.parse(document) as Session }));
}

const isOfSame = (row: SessionRow, { mac, nas }: Session): boolean => row.mac === mac && row.nas === nas;

const succeeds = (session: Session, other: Session): boolean =>
  isSuccessor(session, other) && lastHeard(session) > lastHeard(other);

/** Its revision stays: what its own bridge says next is newer. */
const endedBy = (session: Session, bridge: string, now: Date): Session => ({
  ...session,
  state: 'closed',
  endedAt: now.toISOString(),
  endReason: wentOnWith(bridge),
});
