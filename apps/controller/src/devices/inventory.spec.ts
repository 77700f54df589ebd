import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '#model';
import type { Mac } from '#net';
import { compilePolicy, loadPolicy, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { sampleSession } from '../../test/sample-session.js';
import { storeEvents } from '../bridge/store-events.js';
import { Database } from '../store/database.js';
import { devices } from '../store/rows.js';
import { listInventory } from './inventory.js';

let folder: string;
let database: Database;
let seq = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-inventory-'));
  database = await Database.open(join(folder, 'cordon.db'));
  seq = 0;
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const mac = (n: number) => `00:1a:00:00:00:0${n}` as Mac;
const hour = (n: number) => `2026-05-01T0${n}:00:00.000Z`;
const policy = loadPolicy(policyFiles());
const compiled = policy.ok ? compilePolicy(policy.value, new Date(hour(9))) : policy;
if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
const snapshot: Snapshot = compiled.value;

async function register(n: number, change: { posture?: 'normal' | 'quarantined'; location?: string } = {}) {
  const row = { mac: mac(n), class: 'infusion-pump', posture: 'normal' as const, location: '', ...change };
  const rest = { name: 'bed 1', serial: 'S-1', notes: 'a note', inUse: null, createdAt: hour(1), updatedAt: hour(1) };
  await database.transaction((tx) => tx.insert(devices, { ...row, ...rest, revision: n }));
}

async function saw(...sessions: Partial<Session>[]): Promise<void> {
  const events = sessions.map((session) => ({
    seq: ++seq,
    type: 'session' as const,
    session: sampleSession(session.startedAt ?? hour(1), { id: `s${seq}`, ...session }),
  }));
  await storeEvents(database, { bridge: 'b1', events }, new Date(hour(9)), { rows: 1000 }, null);
}

const list = async () => (await listInventory(database, snapshot, { limit: 10 })).items;

describe('an inventory', () => {
  it('says of each device what a plan has to know, and nothing else', async () => {
    await register(1);
    await saw({ mac: mac(1), method: 'certificate', addresses: ['10.21.0.7'] });
    expect(await list()).toEqual([
      { mac: mac(1), class: 'infusion-pump', site: 'main', nas: 'sw1', posture: 'verified', addresses: ['10.21.0.7'] },
    ]);
  });

  it('takes the open session, else the newest, and gives no address of one that is over', async () => {
    await register(1);
    await register(2);
    await saw(
      { mac: mac(1), nas: 'open', startedAt: hour(1), addresses: ['10.21.0.1'] },
      { mac: mac(1), nas: 'over', startedAt: hour(2), state: 'closed', addresses: ['10.21.0.2'] },
      { mac: mac(2), nas: 'new', startedAt: hour(3), state: 'closed', addresses: ['10.21.0.3'] },
      { mac: mac(2), nas: 'old', startedAt: hour(2), state: 'closed', addresses: ['10.21.0.4'] },
    );
    expect((await list()).map(({ nas, addresses }) => [nas, addresses])).toEqual([
      ['open', ['10.21.0.1']],
      ['new', []],
    ]);
  });

  it('finds a device that was never seen by its location, where that is a site of the policy', async () => {
    await register(1, { location: 'main / B2 / ICU 1' });
    await register(2, { location: "the professor's office" });
    expect((await list()).map(({ site, nas }) => [site, nas])).toEqual([
      ['main', null],
      [null, null],
    ]);
  });

  it('gives the posture that policy would judge', async () => {
    await register(1, { posture: 'quarantined' });
    await register(2);
    await saw({ mac: mac(1), method: 'certificate' }, { mac: mac(2), method: 'mac' });
    expect((await list()).map(({ posture }) => posture)).toEqual(['quarantined', 'unverified']);
  });

  it('comes in pages', async () => {
    for (const n of [1, 2, 3]) await register(n);
    const first = await listInventory(database, null, { limit: 2 });
    expect(first.next).toBe(mac(2));
    const second = await listInventory(database, null, { limit: 2, cursor: first.next! });
    expect([...first.items, ...second.items].map((item) => item.mac)).toEqual([mac(1), mac(2), mac(3)]);
    expect(second.next).toBeNull();
  });
});
