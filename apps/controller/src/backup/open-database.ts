import { join } from 'node:path';
import type { Clock } from '#base';
import type { Log } from '../log.js';
import { recordAudit } from '../store/audit.js';
import { Database } from '../store/database.js';
import { databaseName, takeRestore } from './restore.js';

/** The database of a data folder, or the backup that was put there in its place. */
export async function openDatabase(
  folder: string,
  beforeBulk: () => Promise<void>,
  clock: Clock,
  log: Log,
): Promise<Database> {
  const restored = takeRestore(folder, clock.now());
  const database = await Database.open(join(folder, databaseName), beforeBulk);
  if (!restored) return database;
  const { kept } = restored;
  log.warn('a backup is the database now', { before: kept });
  await database.transaction((tx) =>
    recordAudit(tx, clock.now(), [{ actor: 'system', action: 'backup.restore', target: 'database', after: { kept } }]),
  );
  return database;
}
