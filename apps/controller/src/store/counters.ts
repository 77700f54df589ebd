import type { EntityManager } from 'typeorm';
import { counters } from './rows.js';

/** What the feed numbers: each change of any row takes the next number of its series. */
export type Series = 'device' | 'credential';

const nameOf: Record<Series, string> = { device: 'revision', credential: 'credential-revision' };

/** Takes the next `count` numbers and answers with the first. */
export async function takeRevisions(tx: EntityManager, series: Series, count: number): Promise<number> {
  await tx.increment(counters, { name: nameOf[series] }, 'value', count);
  return (await currentRevision(tx, series)) - count + 1;
}

export function currentRevision(db: EntityManager, series: Series): Promise<number> {
  return counterOf(db, nameOf[series]);
}

/** Numbers at or below this were never given out by this database. */
export function startRevision(db: EntityManager, series: Series): Promise<number> {
  return counterOf(db, `${nameOf[series]}-start`);
}

async function counterOf(db: EntityManager, name: string): Promise<number> {
  return (await db.findOneByOrFail(counters, { name })).value;
}
