import type { Clock } from '#base';
import type { EntityManager } from 'typeorm';
import type { Database } from '../store/database.js';

export interface HistoryLimits {
  readonly days: number;
  /** Authentications at most, whatever their age. */
  readonly rows: number;
}

/** Of one table in one transaction: others wait meanwhile. */
const chunk = 5000;
const day = 86_400_000;
const everyMilliseconds = 600_000;
/** Tables of history. A session ends in its own table when `closedSessions` are kept; its changes go by their age. */
const tables = ['authentication', 'session_change', 'denied_flow', 'seen_flow'] as const;

/** Deletes history that is too old or too much, a chunk at a time, so that nobody waits for it. */
export class Retention {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly limits: HistoryLimits,
    private readonly onFault: (error: unknown) => void,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.run(), everyMilliseconds);
    this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearInterval(this.timer);
    await this.running;
  }

  /** Until nothing is left to delete. Answers with how many rows went. */
  async prune(): Promise<number> {
    const before = new Date(this.clock.now().getTime() - this.limits.days * day).toISOString();
    let count = 0;
    for (const table of tables) {
      for (let gone = chunk; gone >= chunk && !this.isStopped; count += gone) {
        gone = await this.database.transaction(async (tx) => {
          const old = await deleteFrom(tx, table, 'at < ?', 'at', [before]);
          return old > 0 ? old : deleteFrom(tx, table, beyond(table), 'id', [this.limits.rows]);
        });
      }
    }
    return count;
  }

  private run(): void {
    this.running = this.running.then(async () => {
      await this.prune().catch(this.onFault);
    });
  }
}

/** Numbers are given out one after the other, so the newest row tells how many there can be. */
const beyond = (table: string): string => `id <= (SELECT max(id) FROM ${table}) - ?`;

/** At once after rows were added, so that the table never holds more than a chunk too many. */
export async function keepNewest(tx: EntityManager, table: (typeof tables)[number], rows: number): Promise<void> {
  await deleteFrom(tx, table, beyond(table), 'id', [rows]);
}

async function deleteFrom(
  tx: EntityManager,
  table: string,
  which: string,
  order: string,
  parameters: readonly unknown[],
): Promise<number> {
  const doomed = `SELECT id FROM ${table} WHERE ${which} ORDER BY ${order} LIMIT ${chunk}`;
  const gone = await tx.query<{ id: number }[]>(`DELETE FROM ${table} WHERE id IN (${doomed}) RETURNING id`, [
    ...parameters,
  ]);
  return gone.length;
}
