import type { EntityManager } from 'typeorm';
import { startRevision } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { counters, webhookMessages, webhookSubjects } from '../store/rows.js';
import type { WebhookEvent } from './events.js';

/** Who is away for longer than it takes to fill this gets the newest. */
const mostWaiting = 100_000;
const heard = 'webhook';
const dropped = 'webhook-dropped';

/** A message that waits to be sent; the same `id` each time it is. */
export interface WaitingMessage {
  readonly number: number;
  readonly id: string;
  readonly body: string;
}

export interface OutboxState {
  readonly waiting: number;
  /** When what waits longest happened. */
  readonly oldest: string | null;
  /** Messages that were given up, since there is this database. */
  readonly dropped: number;
}

/** Whether anybody is to hear of events. Who has something to tell need not know the configuration. */
export const isHeard = async (tx: EntityManager): Promise<boolean> =>
  ((await tx.findOneBy(counters, { name: heard }))?.value ?? 0) > 0;

/** INVARIANT: called with the same `tx` as what happened, so neither is ever stored without the other. */
export async function enqueueEvents(
  tx: EntityManager,
  at: Date,
  events: readonly WebhookEvent[],
  most = mostWaiting,
): Promise<void> {
  if (events.length === 0 || !(await isHeard(tx))) return;
  const timestamp = at.toISOString();
  const rows = events.map(({ type, data }) => ({ at: timestamp, body: JSON.stringify({ type, timestamp, data }) }));
  for (let i = 0; i < rows.length; i += 1000) await tx.insert(webhookMessages, rows.slice(i, i + 1000));
  // Numbers are given out one after the other, and the oldest go first: what waits has no gaps.
  const gone = await tx.query<unknown[]>(
    'DELETE FROM webhook_message WHERE id <= (SELECT max(id) FROM webhook_message) - ? RETURNING id',
    [most],
  );
  if (gone.length > 0) await tx.increment(counters, { name: dropped }, 'value', gone.length);
}

/** Messages that wait, oldest first. */
export class Outbox {
  constructor(private readonly database: Database) {}

  /** Without anybody who hears them, nothing is written and nothing waits. */
  setHeard(isHeard: boolean): Promise<void> {
    return this.database.transaction(async (tx) => {
      await tx.update(counters, { name: heard }, { value: Number(isHeard) });
      if (isHeard) return;
      await tx.deleteAll(webhookMessages);
      await tx.deleteAll(webhookSubjects);
    });
  }

  next(): Promise<WaitingMessage | null> {
    return this.database.read(async (db) => {
      const [row] = await db.find(webhookMessages, { order: { id: 'ASC' }, take: 1 });
      // Another database gives out the same numbers.
      return row ? { number: row.id, id: `${await startRevision(db, 'device')}-${row.id}`, body: row.body } : null;
    });
  }

  remove(number: number): Promise<void> {
    return this.database.transaction(async (tx) => void (await tx.delete(webhookMessages, { id: number })));
  }

  state(): Promise<OutboxState> {
    return this.database.read(async (db) => {
      const [row] = await db.query<{ waiting: number; oldest: string | null }[]>(
        'SELECT count(*) AS waiting, (SELECT at FROM webhook_message ORDER BY id LIMIT 1) AS oldest FROM webhook_message',
      );
      const counter = await db.findOneByOrFail(counters, { name: dropped });
      return { waiting: row?.waiting ?? 0, oldest: row?.oldest ?? null, dropped: counter.value };
    });
  }
}
