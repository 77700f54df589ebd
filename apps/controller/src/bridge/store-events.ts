import type { BridgeEvents, BridgeEventsAnswer, Session } from '#model';
import type { EntityManager } from 'typeorm';
import { keepNewest, type HistoryLimits } from '../history/retention.js';
import { changesBetween } from '../history/session-changes.js';
import { Refusal } from '../http/refusal.js';
import type { Snapshot } from '#policy';
import { followSuspicions } from '../suspicions/follow-suspicions.js';
import type { SessionReport } from '../suspicions/two-ports.js';
import { followHandovers, type Offer } from './handovers.js';
import { tellSessions } from '../webhooks/subjects.js';
import type { Database } from '../store/database.js';
import { changerOf, readerOf, writerOf } from '../store/many-rows.js';
import {
  authentications,
  bridges,
  sessionChanges,
  sessions,
  type AuthenticationRow,
  type SessionChangeRow,
  type SessionRow,
} from '../store/rows.js';

const readBridges = readerOf(bridges, 'id');
const writeBridges = writerOf(bridges, 'id');
const writeSessions = writerOf(sessions, 'id');
/** Which indexes are of, and most reports leave as they are. */
const indexed = ['state', 'mac', 'nas', 'nasPort', 'startedAt'] as const;
const changeSessions = changerOf(sessions, 'id', indexed);
const writeChanges = writerOf<Omit<SessionChangeRow, 'id'>>(sessionChanges);
const writeAuthentications = writerOf<Omit<AuthenticationRow, 'id'>>(authentications);

/** The newest stay, and open sessions always. How much history stays is the operator's to say. */
const closedSessions = 100_000;

export interface StoredEvents {
  readonly answer: BridgeEventsAnswer;
  /** Those that changed, as they are stored now. */
  readonly sessions: readonly Session[];
  /** What bridges should hear of sessions of others. */
  readonly offers: readonly Offer[];
  /** A suspicion put a device into quarantine. */
  readonly devicesChanged: boolean;
  readonly authentications: number;
  /** Why suspicions could not be looked for in this batch; null: they were. */
  readonly problem: string | null;
  /** Why people were not told what became of sessions; null: they were. */
  readonly untold: string | null;
}

/** How much of a batch is stored before somebody else may have his turn. */
export interface Pace {
  /** Of which a piece is. */
  readonly events: number;
  /** After a piece: false ends the transaction, with what is stored so far. */
  goesOn(): Promise<boolean>;
}

const wholly: Pace = { events: Number.POSITIVE_INFINITY, goesOn: () => Promise.resolve(true) };

/**
 * Stores events of a bridge's spool, in the order that `checkOrder` wants, in one transaction, and answers only after it is durable,
 * because the bridge then forgets them: all of them, or as many pieces as the pace lets through (`answer.stored` says up to where). A `seq`
 * counts once per bridge, so events that are sent again change nothing; sessions carry their own revision and never go back. What makes a
 * device suspect is found in the same transaction: `snapshot` is the policy in force, which says what is done about it.
 */
export function storeEvents(
  database: Database,
  batch: BridgeEvents,
  now: Date,
  limits: Pick<HistoryLimits, 'rows'>,
  snapshot: Snapshot | null,
  pace = wholly,
): Promise<StoredEvents> {
  const store = storing(batch, now, limits, snapshot);
  return database.transaction(async (tx) => {
    let all = await store(tx, batch.events.slice(0, pace.events));
    for (let from = pace.events; from < batch.events.length; from += pace.events) {
      if (!(await pace.goesOn())) break;
      all = joined(all, await store(tx, batch.events.slice(from, from + pace.events)));
    }
    return all;
  }, 'bulk');
}

const joined = (a: StoredEvents, b: StoredEvents): StoredEvents => ({
  answer: b.answer,
  sessions: [...a.sessions, ...b.sessions],
  offers: [...a.offers, ...b.offers],
  devicesChanged: a.devicesChanged || b.devicesChanged,
  authentications: a.authentications + b.authentications,
  problem: a.problem ?? b.problem,
  untold: a.untold ?? b.untold,
});

/** A piece, within a transaction. */
function storing(
  { bridge, digest }: Omit<BridgeEvents, 'events'>,
  now: Date,
  limits: Pick<HistoryLimits, 'rows'>,
  snapshot: Snapshot | null,
) {
  return async (tx: EntityManager, events: BridgeEvents['events']): Promise<StoredEvents> => {
    const [known] = await readBridges(tx, [bridge]);
    const last = known?.lastSeq ?? 0;
    const fresh = events.filter(({ seq }) => seq > last);
    const stored = fresh.at(-1)?.seq ?? last;
    const reported = fresh.flatMap((event) => (event.type === 'session' ? [event.session] : []));
    const reports = await saveSessions(tx, bridge, reported, limits.rows);
    const reportedNow = reports.map((report) => report.after);
    const { offers, ended } = await followHandovers(tx, bridge, reportedNow, now);
    await saveChanges(
      tx,
      ended.map((session) => ({ before: { ...session, state: 'open' }, after: session })),
      limits.rows,
    );
    const after = [...reportedNow, ...ended];
    const { problem: untold } = await attempt(tx, undefined, (inner) => tellSessions(inner, after, now));
    const authenticated = await saveAuthentications(tx, bridge, fresh, limits.rows);
    const decisions = fresh.flatMap((event) => (event.type === 'authentication' ? [event.authentication] : []));
    const { value: devicesChanged, problem } = await attempt(tx, false, (inner) =>
      followSuspicions(inner, { authentications: decisions, reports }, snapshot, now),
    );
    await writeBridges(tx, [
      { id: bridge, lastSeq: stored, lastSeen: now.toISOString(), digest: digest ?? known?.digest ?? null },
    ]);
    return {
      answer: { stored },
      sessions: after,
      offers,
      devicesChanged,
      problem,
      untold,
      authentications: authenticated,
    };
  };
}

/** A mistake in there must not keep sessions from being stored: the bridge would send the same batch for ever. */
async function attempt<T>(
  tx: EntityManager,
  otherwise: T,
  work: (inner: EntityManager) => Promise<T>,
): Promise<{ readonly value: T; readonly problem: string | null }> {
  try {
    // What it had done until then is undone, and nothing else (SAVEPOINT).
    return { value: await tx.transaction(work), problem: null };
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { value: otherwise, problem };
  }
}

export function checkOrder({ events }: BridgeEvents): void {
  const wrong = events.findIndex(({ seq }, n) => n > 0 && seq <= events[n - 1]!.seq);
  if (wrong < 0) return;
  throw new Refusal('unprocessable', 'the events are not in order', [
    { pointer: `/events/${wrong}/seq`, detail: 'must be greater than the one before' },
  ]);
}

/** Answers with what was new in them. */
async function saveSessions(
  tx: EntityManager,
  bridge: string,
  reported: readonly Session[],
  mostChanges: number,
): Promise<SessionReport[]> {
  if (reported.length === 0) return [];
  const ids = JSON.stringify([...new Set(reported.map(({ id }) => id))]);
  const stored = await tx.query<{ id: string; document: string }[]>(
    'SELECT id, document FROM session WHERE id IN (SELECT value FROM json_each(?))',
    [ids],
  );
  const known = new Map(stored.map(({ id, document }) => [id, JSON.parse(document) as Session]));
  const changed = new Map<string, Session>();
  const reports: SessionReport[] = [];
  for (const session of reported) {
    const before = changed.get(session.id) ?? known.get(session.id) ?? null;
    if (before && session.revision <= before.revision) continue;
    reports.push({ before, after: session });
    changed.set(session.id, session);
  }
  if (changed.size === 0) return [];
  const isInPlace = (session: Session): boolean => {
    const before = known.get(session.id);
    return before !== undefined && indexed.every((column) => before[column] === session[column]);
  };
  const { change = [], write = [] } = Object.groupBy(changed.values(), (session) =>
    isInPlace(session) ? 'change' : 'write',
  );
  const rowsOf = (some: readonly Session[]): SessionRow[] => some.map((session) => rowOf(bridge, session));
  await changeSessions(tx, rowsOf(change));
  await writeSessions(tx, rowsOf(write));
  await saveChanges(tx, reports, mostChanges);
  if ([...changed.values()].some(({ state }) => state === 'closed')) {
    await tx.query(
      `DELETE FROM session WHERE state = 'closed' AND startedAt <
         (SELECT startedAt FROM session WHERE state = 'closed' ORDER BY startedAt DESC LIMIT 1 OFFSET ?)`,
      [closedSessions],
    );
  }
  return reports;
}

async function saveChanges(tx: EntityManager, reports: readonly SessionReport[], mostChanges: number): Promise<void> {
  const changes = reports.flatMap(({ before, after }): Omit<SessionChangeRow, 'id'>[] => {
    const { id, mac, nas, nasPort } = after;
    return changesBetween(before, after).map(({ at, change }) => ({
      session: id,
      at,
      mac,
      nas,
      nasPort,
      document: change,
    }));
  });
  if (changes.length === 0) return;
  await writeChanges(tx, changes);
  await keepNewest(tx, 'session_change', mostChanges);
}

function rowOf(bridge: string, session: Session): SessionRow {
  const { id, state, mac, nas, nasPort, site, segment, method, addresses, startedAt, updatedAt, endedAt } = session;
  const columns = { id, state, mac, nas, nasPort, site, segment, method, addresses, startedAt, updatedAt, endedAt };
  return { ...columns, bridge, class: session.class, successor: null, document: session };
}

async function saveAuthentications(
  tx: EntityManager,
  bridge: string,
  events: BridgeEvents['events'],
  mostRows: number,
): Promise<number> {
  const rows = events.flatMap((event) => {
    if (event.type !== 'authentication') return [];
    const { seq, authentication } = event;
    const { at, mac, nas, nasPort, outcome, segment } = authentication;
    return [{ bridge, seq, at, mac, nas, nasPort, outcome, segment, document: authentication }];
  });
  if (rows.length === 0) return 0;
  await writeAuthentications(tx, rows);
  await keepNewest(tx, 'authentication', mostRows);
  return rows.length;
}
