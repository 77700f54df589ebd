import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../config.js';

/** Where a backup is put that is to become the database with the next start. */
export const restoreName = 'restore.db';
export const databaseName = 'cordon.db';
const sides = ['', '-wal', '-shm'];

/** More than anybody can have changed since a backup. */
const skipped = 1_000_000_000;

/**
 * Makes `restore.db` of the folder the database, if it is there; what was the database is kept in a folder beside it. Null: there is none.
 * Begins anew wherever a start before it was killed. Throws `ConfigError` for a file that is no whole backup, and where another controller
 * runs, and leaves everything as it is.
 *
 * INVARIANT: a bridge that heard of changes after the backup takes its whole copy afresh: numbers that were given out then are below the first.
 */
export function takeRestore(folder: string, now: Date): { readonly kept: string | null } | null {
  const [from, to] = [join(folder, restoreName), join(folder, databaseName)];
  if (!existsSync(from)) return null;
  refuseInUse(to);
  prepare(from, now);
  const old = sides.filter((side) => existsSync(`${to}${side}`));
  const kept = old.length === 0 ? null : join(folder, `replaced-${now.toISOString().replaceAll(/[:.]/g, '-')}`);
  if (kept) {
    mkdirSync(kept, { mode: 0o700 });
    for (const side of old) renameSync(`${to}${side}`, join(kept, `${databaseName}${side}`));
  }
  renameSync(from, to);
  return { kept };
}

/** Whatever else is wrong with it is no reason not to replace it. */
function refuseInUse(path: string): void {
  if (!existsSync(path)) return;
  try {
    const database = new DatabaseSync(path);
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK');
    } finally {
      database.close();
    }
  } catch (error) {
    if (String(error).includes('locked'))
      throw new ConfigError(`another controller uses ${path}: stop it before you put a backup in its place`);
  }
}

function prepare(path: string, now: Date): void {
  try {
    const database = new DatabaseSync(path);
    try {
      const [check] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
      if (check?.quick_check !== 'ok') throw new Error(check?.quick_check ?? 'it is empty');
      skipNumbers(database, now);
    } finally {
      database.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `${path} is no whole backup of a controller (${why}): put another one there, or take it away to start with the database as it was`,
    );
  }
}

/** Series of numbers, and the tables whose rows have them. */
const numbered: Readonly<Record<string, readonly string[]>> = {
  revision: ['device', 'device_tombstone'],
  'credential-revision': ['credential', 'credential_tombstone'],
};

/**
 * Rows and counters go up together: a copy that begins afresh has the rows above the first number, and no others. By the time, so that the same
 * backup restored twice gives out other numbers each time.
 */
function skipNumbers(database: DatabaseSync, now: Date): void {
  const number = (query: string, ...names: string[]): number | null =>
    (database.prepare(query).get(...names) as { n: number | null } | undefined)?.n ?? null;
  const set = database.prepare('UPDATE counter SET value = ? WHERE name = ?');
  database.exec('BEGIN IMMEDIATE');
  for (const [series, tables] of Object.entries(numbered)) {
    const last = number('SELECT value AS n FROM counter WHERE name = ?', series);
    const start = number('SELECT value AS n FROM counter WHERE name = ?', `${series}-start`);
    if (last === null || start === null) throw new Error('it has not the tables of a controller');
    const lowest = tables.flatMap((table) => number(`SELECT min(revision) AS n FROM ${table}`) ?? []);
    const first = Math.min(start, ...lowest.map((revision) => revision - 1));
    // More than all there are, so that no row gets the number of another on its way.
    const shift = Math.max(last, now.getTime()) - first + skipped;
    for (const table of tables) database.exec(`UPDATE ${table} SET revision = revision + ${shift}`);
    set.run(first + shift, `${series}-start`);
    set.run(last + shift, series);
  }
  database.exec('COMMIT');
}
