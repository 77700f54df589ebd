import type { BridgeEvents, BridgeEventsAnswer, Session } from '#model';
import { In, LessThanOrEqual, type EntityManager } from 'typeorm';
import { Refusal } from '../http/refusal.js';
import type { Database } from '../store/database.js';
import { authentications, bridges, sessions, type SessionRow } from '../store/rows.js';

/** History is bounded: the newest rows stay. Open sessions always stay. */
export const keep = { authentications: 200_000, closedSessions: 100_000 };

export interface StoredEvents {
  readonly answer: BridgeEventsAnswer;
  readonly sessionsChanged: boolean;
}

/**
 * Stores a batch of a bridge's spool in one transaction and answers only after it is durable, because the bridge then
 * forgets it. A `seq` counts once per bridge, so a batch that is sent again changes nothing; sessions carry their own
 * revision and never go back.
 */
export function storeEvents(database: Database, batch: BridgeEvents, now: Date): Promise<StoredEvents> {
  checkOrder(batch);
  return database.transaction(async (tx) => {
    const known = await tx.findOneBy(bridges, { id: batch.bridge });
    const last = known?.lastSeq ?? 0;
    const fresh = batch.events.filter(({ seq }) => seq > last);
    const stored = fresh.at(-1)?.seq ?? last;
    const newest = new Map<string, Session>();
    for (const event of fresh) if (event.type === 'session') newest.set(event.session.id, event.session);
    const sessionsChanged = await saveSessions(tx, batch.bridge, [...newest.values()]);
    await saveAuthentications(tx, batch.bridge, fresh);
    await tx.save(bridges, { id: batch.bridge, lastSeq: stored, lastSeen: now.toISOString() });
    return { answer: { stored }, sessionsChanged };
  });
}

function checkOrder({ events }: BridgeEvents): void {
  const wrong = events.findIndex(({ seq }, n) => n > 0 && seq <= events[n - 1]!.seq);
  if (wrong < 0) return;
  throw new Refusal('unprocessable', 'the events are not in order', [
    { pointer: `/events/${wrong}/seq`, detail: 'must be greater than the one before' },
  ]);
}

async function saveSessions(tx: EntityManager, bridge: string, reported: readonly Session[]): Promise<boolean> {
  if (reported.length === 0) return false;
  const stored = await tx.findBy(sessions, { id: In(reported.map(({ id }) => id)) });
  const revisions = new Map(stored.map(({ id, document }) => [id, document.revision]));
  const rows = reported
    .filter(({ id, revision }) => revision > (revisions.get(id) ?? -1))
    .map((session): SessionRow => ({
      id: session.id,
      bridge,
      state: session.state,
      mac: session.mac,
      site: session.site,
      method: session.method,
      addresses: session.addresses,
      startedAt: session.startedAt,
      updatedAt: session.updatedAt,
      document: session,
    }));
  if (rows.length === 0) return false;
  await tx.upsert(sessions, rows, ['id']);
  if (rows.some(({ state }) => state === 'closed')) {
    await tx.query(
      `DELETE FROM session WHERE state = 'closed' AND startedAt <
         (SELECT startedAt FROM session WHERE state = 'closed' ORDER BY startedAt DESC LIMIT 1 OFFSET ?)`,
      [keep.closedSessions],
    );
  }
  return true;
}

async function saveAuthentications(tx: EntityManager, bridge: string, events: BridgeEvents['events']): Promise<void> {
  const rows = events.flatMap((event) =>
    event.type === 'authentication'
      ? [{ bridge, seq: event.seq, mac: event.authentication.mac, document: event.authentication }]
      : [],
  );
  if (rows.length === 0) return;
  await tx.insert(authentications, rows);
  const newest = await tx.maximum(authentications, 'id');
  await tx.delete(authentications, { id: LessThanOrEqual((newest ?? 0) - keep.authentications) });
}
