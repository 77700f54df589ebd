import type { EntityManager, EntitySchema } from 'typeorm';
import { startRevision } from '../store/counters.js';
import type { Database } from '../store/database.js';
import {
  approvalMessages,
  counters,
  forgeMessages,
  webhookMessages,
  webhookSubjects,
  type MessageRow,
} from '../store/rows.js';

/** What waits for one receiver. */
export interface Mailbox {
  /** Of its counters: whether anybody hears it, and `…-dropped`. */
  readonly name: string;
  readonly messages: EntitySchema<MessageRow>;
  readonly table: string;
  /** What is remembered for the receiver besides. */
  readonly besides: readonly EntitySchema<never>[];
  /** Who is away for longer than it takes to fill this gets the newest. */
  readonly most: number;
}

export const webhookBox: Mailbox = {
  name: 'webhook',
  messages: webhookMessages,
  table: 'webhook_message',
  besides: [webhookSubjects as EntitySchema<never>],
  most: 100_000,
};

export const forgeBox: Mailbox = {
  name: 'forge',
  messages: forgeMessages,
  table: 'forge_message',
  besides: [],
  most: 1000,
};

export const approvalBox: Mailbox = {
  name: 'approval',
  messages: approvalMessages,
  table: 'approval_message',
  besides: [],
  most: 1000,
};

/** A message that waits to be sent; the same `id` each time it is. */
export interface WaitingMessage {
  readonly number: number;
  readonly id: string;
  /** When it happened. */
  readonly at: string;
  readonly body: string;
}

export interface OutboxState {
  readonly waiting: number;
  /** When what waits longest happened. */
  readonly oldest: string | null;
  /** Messages that were given up, since there is this database. */
  readonly dropped: number;
}

const droppedOf = ({ name }: Mailbox): string => `${name}-dropped`;

/** Whether anybody is to hear of it. Who has something to tell need not know the configuration. */
export const isHeard = async (tx: EntityManager, { name }: Mailbox): Promise<boolean> =>
  ((await tx.findOneBy(counters, { name }))?.value ?? 0) > 0;

/** INVARIANT: called with the same `tx` as what happened, so neither is ever stored without the other. */
export async function enqueue(
  tx: EntityManager,
  box: Mailbox,
  at: Date,
  bodies: readonly string[],
  most = box.most,
): Promise<void> {
  if (bodies.length === 0 || !(await isHeard(tx, box))) return;
  const rows = bodies.map((body) => ({ at: at.toISOString(), body }));
  for (let i = 0; i < rows.length; i += 1000) await tx.insert(box.messages, rows.slice(i, i + 1000));
  // Numbers are given out one after the other, and the oldest go first: what waits has no gaps.
  const gone = await tx.query<unknown[]>(
    `DELETE FROM ${box.table} WHERE id <= (SELECT max(id) FROM ${box.table}) - ? RETURNING id`,
    [most],
  );
  if (gone.length > 0) await tx.increment(counters, { name: droppedOf(box) }, 'value', gone.length);
}

/** Messages that wait, oldest first. */
export class Outbox {
  constructor(
    private readonly database: Database,
    private readonly box: Mailbox,
  ) {}

  /** Without anybody who hears them, nothing is written and nothing waits. */
  setHeard(isHeard: boolean): Promise<void> {
    const { name, messages, besides } = this.box;
    return this.database.transaction(async (tx) => {
      await tx.update(counters, { name }, { value: Number(isHeard) });
      if (isHeard) return;
      for (const rows of [messages, ...besides]) await tx.deleteAll(rows);
    });
  }

  next(): Promise<WaitingMessage | null> {
    return this.database.read(async (db) => {
      const [row] = await db.find(this.box.messages, { order: { id: 'ASC' }, take: 1 });
      if (!row) return null;
      const { id: number, at, body } = row;
      // Another database gives out the same numbers.
      return { number, id: `${await startRevision(db, 'device')}-${number}`, at, body };
    });
  }

  remove(number: number): Promise<void> {
    return this.database.transaction(async (tx) => void (await tx.delete(this.box.messages, { id: number })));
  }

  giveUp(number: number): Promise<void> {
    return this.database.transaction(async (tx) => {
      await tx.delete(this.box.messages, { id: number });
      await tx.increment(counters, { name: droppedOf(this.box) }, 'value', 1);
    });
  }

  state(): Promise<OutboxState> {
    const { table } = this.box;
    return this.database.read(async (db) => {
      const [row] = await db.query<{ waiting: number; oldest: string | null }[]>(
        `SELECT count(*) AS waiting, (SELECT at FROM ${table} ORDER BY id LIMIT 1) AS oldest FROM ${table}`,
      );
      const counter = await db.findOneByOrFail(counters, { name: droppedOf(this.box) });
      return { waiting: row?.waiting ?? 0, oldest: row?.oldest ?? null, dropped: counter.value };
    });
  }
}
