import type { EntityManager } from 'typeorm';
import { counters } from './rows.js';

/** Takes the next `count` numbers of the device feed and answers with the first. */
export async function takeRevisions(tx: EntityManager, count: number): Promise<number> {
  await tx.increment(counters, { name: 'revision' }, 'value', count);
  return (await currentRevision(tx)) - count + 1;
}

export function currentRevision(db: EntityManager): Promise<number> {
  return counterOf(db, 'revision');
}

/** Numbers at or below this were never given out by this database. */
export function startRevision(db: EntityManager): Promise<number> {
  return counterOf(db, 'revision-start');
}

async function counterOf(db: EntityManager, name: string): Promise<number> {
  return (await db.findOneByOrFail(counters, { name })).value;
}
