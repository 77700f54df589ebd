import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseMac, type Mac } from '#net';
import { ConfigError } from '../config.js';
import { credentialStream, deviceStream, nextBatch } from '../bridge/feed-streams.js';
import { saveDevices } from '../devices/device-store.js';
import { Log } from '../log.js';
import { currentRevision, takeRevisions } from '../store/counters.js';
import { Database } from '../store/database.js';
import { audits, counters, credentials } from '../store/rows.js';
import { openDatabase } from './open-database.js';
import { databaseName, restoreName, takeRestore } from './restore.js';

let folder: string;
let path: string;
const now = new Date('2026-11-30T12:00:00Z');
const open: Database[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-backup-'));
  path = join(folder, databaseName);
});
afterEach(async () => {
  for (const database of open.splice(0)) await database.close();
  rmSync(folder, { recursive: true });
});

async function started(at = now): Promise<Database> {
  const database = await openDatabase(folder, () => Promise.resolve(), { now: () => at }, new Log());
  open.push(database);
  return database;
}
const stop = async (): Promise<void> => open.pop()!.close();
const add = (database: Database, name: string): Promise<unknown> =>
  database.transaction((tx) => tx.insert(counters, { name, value: 1 }));
const has = (database: Database, name: string): Promise<boolean> =>
  database.read((db) => db.existsBy(counters, { name }));
const save = (database: Database, mac: Mac): Promise<unknown> =>
  database.transaction((tx) => {
    const fields = {
      class: 'infusion-pump',
      posture: 'normal',
      name: '',
      location: '',
      serial: '',
      notes: '',
    } as const;
    return saveDevices(tx, now, [{ mac, ...fields, inUse: null }], { actor: 'x', action: 'y' });
  });
/** As people do it: a backup, kept elsewhere. */
async function backUp(database: Database): Promise<string> {
  const copy = await database.copy();
  const kept = join(folder, 'kept-elsewhere.db');
  renameSync(copy, kept);
  return kept;
}

describe('a copy', () => {
  it('is whole and of one moment, while others write', async () => {
    const database = await started();
    for (let n = 0; n < 300; n++) await add(database, `${n} ${'x'.repeat(4000)}`);
    let written = 0;
    const copying = { isOver: false };
    const writing = (async () => {
      while (!copying.isOver) {
        await add(database, `during ${written++}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const before = written;
    const copy = await database.copy();
    copying.isOver = true;
    await writing;
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const restored = await Database.open(copy);
    open.push(restored);
    const found = await restored.read((db) => db.find(counters));
    const numbers = found.flatMap(({ name }) => (name.startsWith('during ') ? [Number(name.slice(7))] : []));
    expect(found.filter(({ name }) => /^\d+ x/.test(name))).toHaveLength(300);
    expect(numbers.length).toBeGreaterThanOrEqual(before);
    // In the order in which they were written, without a gap.
    expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, n) => n));
    expect(written).toBeGreaterThan(0);
  });

  it('that a process left behind when it was killed is removed with the next start', async () => {
    await started();
    await stop();
    writeFileSync(`${path}.copy-0123`, 'a part');
    await started();
    expect(readdirSync(folder)).not.toContain(`${databaseName}.copy-0123`);
  });
});

describe('restore', () => {
  it('makes the backup the database, keeps what was there, and says so in the audit trail', async () => {
    const first = await started();
    await add(first, 'before');
    const kept = await backUp(first);
    await add(first, 'after');
    await stop();
    renameSync(kept, join(folder, restoreName));
    const second = await started();
    expect([await has(second, 'before'), await has(second, 'after')]).toEqual([true, false]);
    const trail = await second.read((db) => db.find(audits));
    const old = join(folder, 'replaced-2026-11-30T12-00-00-000Z');
    expect(trail).toMatchObject([{ actor: 'system', action: 'backup.restore', after: { kept: old } }]);
    expect(existsSync(join(folder, restoreName))).toBe(false);
    const replaced = await Database.open(join(old, databaseName));
    open.push(replaced);
    expect(await has(replaced, 'after')).toBe(true);
  });

  it('gives a bridge that heard of later changes the whole copy afresh, however many changes come', async () => {
    const first = await started();
    const kept = await backUp(first);
    await first.transaction((tx) => takeRevisions(tx, 'device', 5));
    const heard = await first.read((db) => currentRevision(db, 'device'));
    await stop();
    renameSync(kept, join(folder, restoreName));
    const second = await started();
    await second.transaction((tx) => takeRevisions(tx, 'device', 50));
    const batch = await nextBatch(second, deviceStream, heard);
    expect(batch?.message).toMatchObject({ type: 'devices', reset: true });
    expect(await nextBatch(second, deviceStream, batch!.revision)).toBeNull();
  });

  it('gives it every device and password that the backup has, and what is changed afterwards, once more after a second restore', async () => {
    const first = await started();
    const [mac, other] = ['00:1a:00:00:00:01', '00:1a:00:00:00:02'].map((text) => parseMac(text)!) as [Mac, Mac];
    await save(first, mac);
    await first.transaction(async (tx) => {
      const [at, revision] = [now.toISOString(), await takeRevisions(tx, 'credential', 1)];
      const hashes = { passwordHash: 'x', ntHash: null };
      await tx.insert(credentials, { username: 'pump', mac, ...hashes, revision, createdAt: at, updatedAt: at });
    });
    const kept = await backUp(first);
    await save(first, other);
    const heard = await first.read((db) => currentRevision(db, 'device'));
    await stop();
    let since = heard;
    for (let times = 0; times < 2; times++) {
      copyFileSync(kept, join(folder, restoreName));
      const restored = await started(new Date(now.getTime() + times * 3_600_000));
      await restored.transaction((tx) => takeRevisions(tx, 'device', 50));
      const batch = await nextBatch(restored, deviceStream, since);
      expect(batch?.message).toMatchObject({
        type: 'devices',
        reset: true,
        devices: [{ mac, class: 'infusion-pump' }],
      });
      expect(await nextBatch(restored, deviceStream, batch!.revision)).toBeNull();
      expect((await nextBatch(restored, credentialStream, 0))?.message).toMatchObject({
        reset: true,
        credentials: [{ username: 'pump' }],
      });
      await save(restored, other);
      const change = await nextBatch(restored, deviceStream, batch!.revision);
      expect(change?.message).toMatchObject({ reset: false, devices: [{ mac: other }] });
      since = change!.revision;
      await stop();
    }
  });

  it('goes on where a start was killed between taking the old away and putting the new there', async () => {
    const first = await started();
    await add(first, 'before');
    const kept = await backUp(first);
    await stop();
    for (const name of readdirSync(folder)) if (name.startsWith(databaseName)) rmSync(join(folder, name));
    renameSync(kept, join(folder, restoreName));
    expect(await has(await started(), 'before')).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['text', 'SQLite format 3, but not really'],
  ])('refuses a file of %s, and leaves everything as it is', async (_, content) => {
    await add(await started(), 'here');
    await stop();
    writeFileSync(join(folder, restoreName), content);
    expect(() => takeRestore(folder, now)).toThrow(ConfigError);
    expect(readFileSync(join(folder, restoreName), 'utf8')).toBe(content);
    rmSync(join(folder, restoreName));
    expect(await has(await started(), 'here')).toBe(true);
  });

  it('refuses a backup of which the end is missing', async () => {
    const database = await started();
    for (let n = 0; n < 50; n++) await add(database, `${n} ${'x'.repeat(4000)}`);
    const kept = await backUp(database);
    await stop();
    writeFileSync(join(folder, restoreName), readFileSync(kept).subarray(0, statSync(kept).size / 2));
    expect(() => takeRestore(folder, now)).toThrow('is no whole backup of a controller');
  });

  it('of a newer release is not opened by an older one', async () => {
    const database = await started();
    await database.transaction((tx) =>
      tx.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'OfNextYear9999999999999')`),
    );
    await stop();
    await expect(Database.open(path)).rejects.toThrow('is of a newer release (OfNextYear9999999999999)');
  });

  it('refuses to take the database away from a controller that runs', async () => {
    const database = await started();
    const kept = await backUp(database);
    renameSync(kept, join(folder, restoreName));
    expect(() => takeRestore(folder, now)).toThrow('another controller uses');
    expect(await has(database, 'revision')).toBe(true);
  });
});
