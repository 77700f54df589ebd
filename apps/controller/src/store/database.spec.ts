import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EntityManager } from 'typeorm';
import { sessionSchema } from '#model';
import { sampleSession } from '../../test/sample-session.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordAudit } from './audit.js';
import { currentRevision, takeRevisions } from './counters.js';
import { Database } from './database.js';
import { Fingerprints1764000300000 } from './fingerprints-migration.js';
import { Handovers1764000800000 } from './handovers-migration.js';
import { SeenFlows1764001000000 } from './seen-flows-migration.js';
import { NodeSqlite } from './node-sqlite.js';
import { audits, counters, deniedFlows, sessions } from './rows.js';

const revisionNow = (db: EntityManager): Promise<number> => currentRevision(db, 'device');
let folder: string;
let path: string;
const open: Database[] = [];

async function openDatabase(): Promise<Database> {
  const database = await Database.open(path);
  open.push(database);
  return database;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-store-'));
  path = join(folder, 'cordon.db');
});

afterEach(async () => {
  for (const database of open.splice(0)) await database.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('Database', () => {
  it("keeps a caller's rows when a transaction that overlaps it in time rolls back", async () => {
    const database = await openDatabase();
    let letFail = (): void => undefined;
    const mayFail = new Promise<void>((resolve) => {
      letFail = resolve;
    });
    const failing = database.transaction(async (tx) => {
      await tx.insert(counters, { name: 'a', value: 1 });
      await mayFail;
      throw new Error('rolled back');
    });
    const writing = database.transaction((tx) => tx.insert(counters, { name: 'b', value: 2 }));
    letFail();
    await expect(failing).rejects.toThrow('rolled back');
    await writing;
    const names = (await database.read((db) => db.find(counters))).map(({ name }) => name);
    expect(names).toContain('b');
    expect(names).not.toContain('a');
  });

  it('shows no reader the inside of a transaction', async () => {
    const database = await openDatabase();
    const writing = database.transaction(async (tx) => {
      await takeRevisions(tx, 'device', 5);
      await new Promise((resolve) => setImmediate(resolve));
      await takeRevisions(tx, 'device', 5);
    });
    const before = database.read(revisionNow);
    await writing;
    expect(await before).toBe(await database.read(revisionNow));
  });

  it('refuses a unit of work inside another instead of waiting for ever', async () => {
    const database = await openDatabase();
    await expect(database.transaction(() => database.read(revisionNow))).rejects.toThrow('pass `tx` on');
  });

  it('runs each migration once', async () => {
    const first = await openDatabase();
    const revision = await first.transaction((tx) => takeRevisions(tx, 'device', 1));
    await open.pop()!.close();
    const second = await openDatabase();
    expect(await second.read(revisionNow)).toBe(revision);
  });

  it('says of sessions that an earlier release stored that nothing is known of what their devices say', async () => {
    const database = await openDatabase();
    const document = JSON.stringify({ id: 'a', class: 'pump', addresses: [] });
    await database.transaction(async (tx) => {
      const [runner, migration] = [tx.queryRunner!, new Fingerprints1764000300000()];
      await migration.down(runner);
      await tx.query(
        `INSERT INTO session (id, bridge, state, mac, site, method, addresses, startedAt, updatedAt, document)
           VALUES ('a', 'b', 'open', 'm', 's', 'mac', '[]', '', '', ?)`,
        [document],
      );
      await migration.up(runner);
    });
    const [row] = await database.read((db) => db.find(sessions));
    expect(row?.document).toEqual({ id: 'a', class: 'pump', addresses: [], fingerprint: null });
  });

  it('completes sessions that an earlier release stored, and leaves what they say', async () => {
    const database = await openDatabase();
    const { succeeds: _, told: __, strayAddresses: ___, ...before } = sampleSession('2026-11-24T12:00:00.000Z');
    await database.transaction(async (tx) => {
      const [runner, migration] = [tx.queryRunner!, new Handovers1764000800000()];
      await migration.down(runner);
      await tx.query(
        `INSERT INTO session (id, bridge, state, mac, site, method, addresses, startedAt, updatedAt, document)
           VALUES ('a', 'b', 'open', 'm', 's', 'mac', '[]', '', '', ?)`,
        [JSON.stringify(before)],
      );
      await migration.up(runner);
    });
    const [row] = await database.read((db) => db.find(sessions));
    expect(row).toMatchObject({
      successor: null,
      document: { ...before, succeeds: [], told: null, strayAddresses: [] },
    });
    expect(sessionSchema.parse(row?.document)).toEqual(row?.document);
  });

  it('keeps what points denied under an earlier release, each packet as an attempt that nobody answered', async () => {
    const database = await openDatabase();
    const flow = { point: 'fw1', role: 'pump', destination: '10.0.0.1', protocol: 6, port: 443, packets: 3 };
    const at = '2026-05-04T10:00:00.000Z';
    await database.transaction(async (tx) => {
      const [runner, migration] = [tx.queryRunner!, new SeenFlows1764001000000()];
      await migration.down(runner);
      await tx.query(
        `INSERT INTO denied_flow (at, point, role, destination, protocol, port, firstAt, lastAt, packets, sources)
           VALUES (?, 'fw1', 'pump', '10.0.0.1', 6, 443, ?, ?, 3, ?)`,
        [at, at, at, JSON.stringify([{ address: '10.21.0.1', mac: null }])],
      );
      await migration.up(runner);
    });
    const rows = await database.read((db) => db.find(deniedFlows));
    const sources = [{ address: '10.21.0.1', mac: null, connections: 1 }];
    expect(rows).toEqual([{ id: 1, at, firstAt: at, lastAt: at, ...flow, answered: 'no', connections: 3, sources }]);
  });

  it('runs one unit at a time in the order in which they came, bulk after all others, and closes after the last', async () => {
    const database = await openDatabase();
    const order: string[] = [];
    let running = 0;
    const unit = (name: string) => async (): Promise<void> => {
      expect(++running).toBe(1);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      order.push(name);
      running--;
    };
    const first = database.read(unit('read 1'));
    const bulk = [1, 2].map((n) => database.transaction(unit(`bulk ${n}`), 'bulk'));
    const failing = database.transaction(() => Promise.reject(new Error('fails'))).catch(() => order.push('failed'));
    const usual = [1, 2].map((n) => database.transaction(unit(`usual ${n}`)));
    await first;
    const later = database.read(unit('read 2'));
    await open.pop()!.close();
    await Promise.all([...bulk, failing, ...usual, later]);
    expect(order).toEqual(['read 1', 'failed', 'usual 1', 'usual 2', 'read 2', 'bulk 1', 'bulk 2']);
  });

  it('goes on after a unit of work that fails before its first step', async () => {
    const database = await openDatabase();
    const failing = database.read(() => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    expect(await database.read(() => Promise.resolve('next'))).toBe('next');
  });

  it('lets bulk wait for fifty others, and not for ever', async () => {
    const database = await openDatabase();
    const order: string[] = [];
    const units = Array.from({ length: 120 }, (_, n) => database.read(() => Promise.resolve(void order.push(`${n}`))));
    const bulk = [1, 2].map((n) => database.transaction(() => Promise.resolve(void order.push(`bulk ${n}`)), 'bulk'));
    await Promise.all([...units, ...bulk]);
    expect([order.indexOf('bulk 1'), order.indexOf('bulk 2')]).toEqual([51, 102]);
  });

  it('lets bulk wait for its turn, and nobody else meanwhile', async () => {
    const turns: (() => void)[] = [];
    const database = await Database.open(path, () => new Promise((resolve) => turns.push(resolve)));
    open.push(database);
    const order: string[] = [];
    const bulk = [1, 2].map((n) => database.transaction(() => Promise.resolve(void order.push(`bulk ${n}`)), 'bulk'));
    for (let n = 0; n < 10; n++) await database.read(() => Promise.resolve(void order.push(`read ${n}`)));
    expect([order.length, turns.length]).toEqual([10, 1]);
    turns.shift()!();
    await bulk[0];
    await database.read(() => Promise.resolve(void order.push('read')));
    expect(order.slice(10)).toEqual(['bulk 1', 'read']);
    await new Promise((resolve) => setImmediate(resolve));
    turns.shift()!();
    await bulk[1];
  });

  it('tells a second controller on the same folder what to do', async () => {
    await openDatabase();
    await expect(Database.open(path)).rejects.toThrow(/another controller uses .*CORDON_DATA/);
  });

  it('refuses to change or delete audit entries', async () => {
    const database = await openDatabase();
    await database.transaction((tx) =>
      recordAudit(tx, new Date(), [{ actor: 'ada', action: 'device.create', target: 'x', after: { a: 1 } }]),
    );
    await expect(database.transaction((tx) => tx.update(audits, { actor: 'ada' }, { actor: 'eve' }))).rejects.toThrow(
      'append-only',
    );
    await expect(database.transaction((tx) => tx.delete(audits, { actor: 'ada' }))).rejects.toThrow('append-only');
    expect(await database.read((db) => db.find(audits))).toMatchObject([
      { actor: 'ada', after: { a: 1 }, reason: null },
    ]);
  });

  it('loses nothing that was acknowledged before kill -9', async () => {
    const [loader, writer] = ['typescript.mjs', 'writer.ts'].map(
      (name) => new URL(`testdata/${name}`, import.meta.url),
    );
    for (let round = 0; round < 3; round++) {
      const child = spawn(
        process.execPath,
        ['--conditions=cordon-source', '--import', loader!.href, fileURLToPath(writer!), path],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const ended = new Promise((resolve) => child.once('exit', resolve));
      let acknowledged = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line);
        if (acknowledged % 40 === 20 + round) child.kill('SIGKILL');
      }
      await ended;
      expect(acknowledged).toBeGreaterThan(0);
      const database = await openDatabase();
      const stored = await database.read((db) => db.findOneByOrFail(counters, { name: 'acknowledged' }));
      expect(stored.value).toBeGreaterThanOrEqual(acknowledged);
      await open.pop()!.close();
    }
  });
});

describe('NodeSqlite', () => {
  it('maps values both ways and refuses what SQLite would misread', () => {
    const connection = new NodeSqlite(':memory:', {});
    connection.prepare('CREATE TABLE t (a, b, c, d)').run();
    const insert = connection.prepare('INSERT INTO t VALUES (?, ?, ?, ?)');
    expect(insert.reader).toBe(false);
    expect(insert.run(undefined, new Date(0), true, new Uint8Array([1, 2]))).toEqual({
      changes: 1,
      lastInsertRowid: 1,
    });
    expect(() => insert.run({ a: 1 }, 1, 1, 1)).toThrow(TypeError);
    expect(() => insert.run([1], 1, 1, 1)).toThrow(TypeError);
    const [row] = connection.prepare('SELECT * FROM t').all();
    expect({ ...row }).toEqual({ a: null, b: '1970-01-01T00:00:00.000Z', c: 1, d: Buffer.from([1, 2]) });
    expect(connection.prepare('INSERT INTO t VALUES (1, 2, 3, 4) RETURNING a').reader).toBe(true);
    connection.close();
  });
});
