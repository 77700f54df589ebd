import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import type { Mac } from '#net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CredentialIndex } from '../credential-index.js';
import { DeviceIndex } from '../device-index.js';
import { Journal } from './journal.js';
import type { JournalOperation, JournalState } from './messages.js';

const listener = {
  onFailure: (reason: string) => expect.fail(reason),
  onDead: (reason: string) => expect.fail(reason),
};

/** Writes one event and one session at a time for ever; prints each number only when it is durable. */
const writer = `
  import { Worker } from 'node:worker_threads';
  const worker = new Worker(new URL(process.argv[1]), { workerData: { path: process.argv[2] }, execArgv: [] });
  let ticket = 0;
  const write = () => {
    ticket++;
    const event = { seq: first + ticket, json: '{"n":' + (first + ticket) + '}' };
    worker.postMessage({ type: 'write', ticket, operations: [
      { kind: 'event', event },
      { kind: 'session', id: 'session-' + (first + ticket), json: '{}', event: null },
    ] });
  };
  let first = 0;
  worker.on('message', (message) => {
    if (message.type === 'sessions') return;
    if (message.type === 'loaded') first = message.state.lastSeq;
    else process.stdout.write(String(first + message.ticket) + '\\n');
    for (let i = 0; i < 5; i++) write();
  });
`;

describe('journal', () => {
  let folder: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-journal-'));
  });

  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  async function reopen(): Promise<JournalState> {
    const journal = await Journal.open(folder, listener);
    await journal.close();
    return journal.loaded;
  }

  it('gives back more sessions than one list holds', async () => {
    const journal = await Journal.open(folder, listener);
    const ids = Array.from({ length: 2500 }, (_, id) => ({ id }));
    await written(
      journal,
      ids.map(({ id }) => ({ kind: 'session', id: `${id}`, json: `{"id":${id}}`, event: null })),
    );
    await journal.close();
    const { sessions } = await reopen();
    expect(sessions).toHaveLength(3);
    expect(sessions.flatMap((list) => JSON.parse(list) as unknown[])).toEqual(ids);
  });

  const written = (journal: Journal, operations: readonly JournalOperation[]): Promise<void> =>
    new Promise((resolve) => journal.write(operations, resolve));

  it('gives back after a restart what was written', async () => {
    const journal = await Journal.open(folder, listener);
    journal.write([
      { kind: 'snapshot', json: '{"a":1}' },
      { kind: 'document', name: 'rollout', json: '{"r":1}' },
      { kind: 'document', name: 'orders', json: '{"o":1}' },
      { kind: 'document', name: 'orders', json: null },
    ]);
    journal.write([{ kind: 'session', id: 's', json: '{"s":1}', event: { seq: 1, json: 'one' } }]);
    await written(journal, [{ kind: 'event', event: { seq: 2, json: 'two' } }]);
    expect(journal.backlog).toBe(0);
    expect(journal.spooled).toBe(2);
    expect(await journal.readEvents(1)).toEqual([{ seq: 1, json: 'one' }]);
    await journal.close();
    expect(await reopen()).toEqual({
      instance: journal.loaded.instance,
      snapshot: '{"a":1}',
      documents: { rollout: '{"r":1}' },
      devices: [],
      revision: 0,
      credentials: [],
      credentialRevision: 0,
      sessions: ['[{"s":1}]'],
      lastSeq: 2,
      spooled: 2,
    });
  });

  it('has a name of its own for each database, so that numbers are never taken for those of another', async () => {
    const { instance } = await reopen();
    expect(instance).toMatch(/^[0-9a-f]{12}$/);
    expect((await reopen()).instance).toBe(instance);
    rmSync(folder, { recursive: true });
    expect((await reopen()).instance).not.toBe(instance);
  });

  it('never gives a number twice, even when the spool is empty', async () => {
    const journal = await Journal.open(folder, listener);
    await written(journal, [
      { kind: 'event', event: { seq: 7, json: '' } },
      { kind: 'forget-events', upTo: 7 },
    ]);
    await journal.close();
    expect(await reopen()).toMatchObject({ lastSeq: 7, spooled: 0 });
  });

  it('keeps of each session only the latest event', async () => {
    const journal = await Journal.open(folder, listener);
    for (let seq = 1; seq <= 3; seq++) {
      journal.write([{ kind: 'session', id: seq === 2 ? 'b' : 'a', json: `${seq}`, event: { seq, json: `${seq}` } }]);
    }
    expect((await journal.readEvents(10)).map(({ seq }) => seq)).toEqual([2, 3]);
    await journal.close();
  });

  it('keeps the old revision until a reset is complete, and then only what the reset named', async () => {
    const devices = new DeviceIndex();
    const device = (mac: string) => ({ mac: mac as Mac, class: 'pump', posture: 'normal' as const });
    const journal = await Journal.open(folder, listener);
    await written(journal, [devices.apply(false, 5, [device('a'), device('b')])]);
    await written(journal, [devices.apply(true, 9, [device('c')]), devices.apply(false, 9, [device('b')])]);
    expect(devices.size).toBe(3);
    expect(devices.revision).toBe(5);
    const unfinished = new DeviceIndex();
    await journal.close();
    const state = await reopen();
    unfinished.load(state.devices, state.revision);
    expect([unfinished.size, unfinished.revision]).toEqual([3, 5]);
    const again = await Journal.open(folder, listener);
    await written(again, [devices.settle()!]);
    await again.close();
    const settled = await reopen();
    expect(settled.devices.map(([mac]) => mac)).toEqual(['b', 'c']);
    expect(settled.revision).toBe(9);
    expect([devices.size, devices.revision, devices.settle()]).toEqual([2, 9, null]);
  });

  it('keeps the serial numbers of devices', async () => {
    const devices = new DeviceIndex();
    const [mac, bare] = ['00:1a:2b:3c:4d:5e', '00:1a:2b:3c:4d:60'] as Mac[];
    const device = { class: 'pump', posture: 'normal' as const };
    const journal = await Journal.open(folder, listener);
    const changes = [
      { ...device, mac: mac!, serial: 'A-1' },
      { ...device, mac: bare! },
    ];
    await written(journal, [devices.apply(false, 5, changes)]);
    await journal.close();
    const state = await reopen();
    const loaded = new DeviceIndex();
    loaded.load(state.devices, state.revision);
    expect([...loaded.each()]).toEqual(changes);
    const again = await Journal.open(folder, listener);
    await written(again, [devices.apply(false, 6, [{ ...device, mac: mac! }])]);
    await again.close();
    expect((await reopen()).devices).toEqual([
      [mac, 'pump', 'normal', '', ''],
      [bare, 'pump', 'normal', '', ''],
    ]);
  });

  it('keeps what a file has that knew no serial numbers, and has the controller asked for all devices', async () => {
    const device = { mac: '00:1a:2b:3c:4d:5e' as Mac, class: 'pump', posture: 'normal' as const };
    const journal = await Journal.open(folder, listener);
    await written(journal, [
      new DeviceIndex().apply(false, 5, [device]),
      new CredentialIndex().apply(false, 7, []),
      { kind: 'event', event: { seq: 3, json: 'three' } },
    ]);
    await journal.close();
    const database = new DatabaseSync(join(folder, 'bridge.sqlite'));
    database.exec(
      "ALTER TABLE device DROP COLUMN serial; ALTER TABLE device DROP COLUMN in_use; DROP TABLE document; UPDATE meta SET value = 1 WHERE name = 'format'",
    );
    database.close();
    const expected = {
      instance: journal.loaded.instance,
      devices: [[device.mac, 'pump', 'normal', '', '']],
      revision: 0,
      credentialRevision: 7,
      lastSeq: 3,
      spooled: 1,
    };
    expect(await reopen()).toMatchObject(expected);
    const again = await Journal.open(folder, listener);
    const index = new DeviceIndex();
    index.load(again.loaded.devices, again.loaded.revision);
    await written(again, [index.apply(true, 6, [{ ...device, serial: 'A-1' }]), index.settle()!]);
    await again.close();
    expect(await reopen()).toMatchObject({
      ...expected,
      devices: [[device.mac, 'pump', 'normal', 'A-1', '']],
      revision: 6,
    });
  });

  it('keeps credentials in the same way, apart from devices', async () => {
    const credentials = new CredentialIndex();
    const credential = (username: string) => ({
      username,
      mac: '00:1a:2b:3c:4d:01' as Mac,
      passwordHash: null,
      ntHash: '0'.repeat(32),
    });
    const journal = await Journal.open(folder, listener);
    await written(journal, [credentials.apply(false, 5, [credential('a'), credential('b'), credential('c')])]);
    await written(journal, [credentials.apply(false, 6, [{ username: 'c', deleted: true }])]);
    await written(journal, [credentials.apply(true, 9, [credential('b'), credential('d')])]);
    await written(journal, [new DeviceIndex().apply(true, 70, [])]);
    await journal.close();
    const state = await reopen();
    expect(state.credentials.map(({ username }) => username)).toEqual(['a', 'b', 'd']);
    expect([state.credentialRevision, state.revision]).toEqual([6, 0]);
    const again = await Journal.open(folder, listener);
    await written(again, [credentials.settle()!]);
    await again.close();
    const settled = await reopen();
    expect(settled.credentials).toEqual([credential('b'), credential('d')]);
    expect(settled.credentialRevision).toBe(9);
  });

  it('is readable by its owner alone, also where an older release made it', async () => {
    const path = join(folder, 'bridge.sqlite');
    const modes = () =>
      readdirSync(folder).map((name) => `${name} ${(statSync(join(folder, name)).mode & 0o777).toString(8)}`);
    const journal = await Journal.open(folder, listener);
    await written(journal, [{ kind: 'snapshot', json: '{}' }]);
    expect(modes()).toEqual(['bridge.sqlite 600', 'bridge.sqlite-shm 600', 'bridge.sqlite-wal 600']);
    await journal.close();
    chmodSync(path, 0o644);
    const again = await Journal.open(folder, listener);
    await written(again, [{ kind: 'snapshot', json: '{}' }]);
    expect(modes()).toEqual(['bridge.sqlite 600', 'bridge.sqlite-shm 600', 'bridge.sqlite-wal 600']);
    await again.close();
  });

  it('loads an index of 100,000 devices in less than two seconds', async () => {
    const devices = Array.from({ length: 100_000 }, (_, i) => ({
      mac: `02:00:00:${(i >> 16).toString(16).padStart(2, '0')}:${((i >> 8) & 255).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}` as Mac,
      class: `class-${i % 50}`,
      posture: 'normal' as const,
    }));
    const journal = await Journal.open(folder, listener);
    await written(journal, [new DeviceIndex().apply(false, 1, devices)]);
    await journal.close();
    const begun = performance.now();
    const again = await Journal.open(folder, listener);
    const index = new DeviceIndex();
    index.load(again.loaded.devices, again.loaded.revision);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(index.size).toBe(100_000);
    expect(index.find(devices[77_777]!.mac).class).toBe(devices[77_777]!.class);
    await again.close();
  });

  it('loses nothing that was acknowledged when it is killed at any moment', async () => {
    const worker = new URL('./journal-worker.ts', import.meta.url).href;
    for (let round = 0; round < 4; round++) {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', writer, worker, join(folder, 'bridge.sqlite')],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      children.push(child);
      let acknowledged = 0;
      let heard = 0;
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        acknowledged = Number(line);
        if (++heard === 3 + round * 17) child.kill('SIGKILL');
      });
      await Promise.all([once(child, 'exit'), once(lines, 'close')]);
      const journal = await Journal.open(folder, listener);
      const seqs = (await journal.readEvents(1_000_000)).map(({ seq }) => seq);
      await journal.close();
      expect(acknowledged).toBeGreaterThan(0);
      expect(journal.loaded.lastSeq).toBeGreaterThanOrEqual(acknowledged);
      expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1));
      expect(seqs.length).toBeGreaterThanOrEqual(acknowledged);
      const sessions = journal.loaded.sessions.flatMap((list) => JSON.parse(list) as unknown[]);
      expect(sessions).toHaveLength(seqs.length);
    }
  });

  it('says which file can not be opened', async () => {
    writeFileSync(
      join(folder, 'bridge.sqlite'),
      'this is no database, and long enough to be looked at as one'.repeat(100),
    );
    await expect(Journal.open(folder, listener)).rejects.toThrow(/bridge\.sqlite can't be opened: .*not a database/);
  });
});
