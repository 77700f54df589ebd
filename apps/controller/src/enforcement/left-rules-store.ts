import type { Database } from '../store/database.js';
import { writerOf } from '../store/many-rows.js';
import { pointRules, type PointRulesRow } from '../store/rows.js';

const writeRules = writerOf(pointRules, 'point');
/** Others wait for the database meanwhile. */
const mostAtOnce = 200;

interface Waiting {
  readonly row: PointRulesRow;
  readonly done: PromiseWithResolvers<void>;
}

/** What enforcement points were left with. A policy changes all of them at once: what they have to store goes together. */
export class LeftRulesStore {
  private waiting: Waiting[] = [];
  private draining: Promise<void> | null = null;

  constructor(private readonly database: Database) {}

  /** What is known by that way to reach it, and by this release; else nothing is. */
  async load(point: string, target: string): Promise<PointRulesRow> {
    const row = await this.database.read((db) => db.findOneBy(pointRules, { point }));
    return row?.target === target ? row : nothingLeft(point, target);
  }

  /** Durable once resolved. */
  save(row: PointRulesRow): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.waiting.push({ row, done });
    this.draining ??= this.drain().finally(() => (this.draining = null));
    return done.promise;
  }

  async forget(point: string): Promise<void> {
    await this.database.transaction(async (tx) => void (await tx.delete(pointRules, { point })));
  }

  /** Nothing is on its way any more. */
  async settled(): Promise<void> {
    await this.draining;
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const taken = this.waiting.splice(0, mostAtOnce);
      const rows = taken.map(({ row }) => row);
      try {
        await this.database.transaction((tx) => writeRules(tx, rows));
        for (const { done } of taken) done.resolve();
      } catch (error) {
        for (const { done } of taken) done.reject(error);
      }
    }
  }
}

/** A simulated device is gone with its process, and nothing of it is to be remembered. */
export const forgetful: Pick<LeftRulesStore, 'load' | 'save'> = {
  load: (point, target) => Promise.resolve(nothingLeft(point, target)),
  save: () => Promise.resolve(),
};

const nothingLeft = (point: string, target: string): PointRulesRow => ({
  point,
  target,
  fingerprint: null,
  digest: null,
  confirmedAt: null,
  begunAt: null,
});
