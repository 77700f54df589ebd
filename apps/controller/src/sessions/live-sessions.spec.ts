import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '#model';
import type { Mac } from '#net';
import { sampleSession } from '../../test/sample-session.js';
import { storeEvents } from '../bridge/store-events.js';
import { DeviceStore } from '../devices/device-store.js';
import { Database } from '../store/database.js';
import { Wakeups } from '../wakeups.js';
import { LiveSessions, readLiveSessions, sessionsBy } from './live-sessions.js';

const now = new Date('2026-11-30T12:00:00Z');
const macOf = (n: number): Mac => `00:1a:00:00:00:0${n}` as Mac;

describe('live sessions', () => {
  let folder: string;
  let database: Database;
  let live: LiveSessions;
  let devices: DeviceStore;
  let seq = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-live-'));
    database = await Database.open(join(folder, 'cordon.db'));
    live = new LiveSessions(database);
    devices = new DeviceStore(database, { now: () => now }, new Wakeups());
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  async function report(...changes: (Partial<Session> & { n: number; revision: number })[]): Promise<void> {
    const events = changes.map(({ n, ...change }) => ({
      type: 'session' as const,
      seq: ++seq,
      session: sampleSession(now.toISOString(), { id: `s${n}`, mac: macOf(n), ...change }),
    }));
    const stored = await storeEvents(database, { bridge: 'b', events }, now, { rows: 1000 }, null);
    live.reported(stored.sessions);
  }
  const device = (n: number, name = 'infusion-pump') =>
    devices.create(
      { mac: macOf(n), class: name, posture: 'normal', name: '', location: '', serial: '', notes: '' },
      'me',
    );
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  const check = async (): Promise<void> => {
    const [found, stored] = [await live.all(), await readLiveSessions(database)];
    expect([...found].sort(byId)).toEqual([...stored].sort(byId));
    for (const key of ['nas', 'site'] as const)
      expect(new Map(sessionsBy(key, found))).toEqual(Map.groupBy(found, (session) => session[key]));
  };

  it('are what the database says after each change of a session or a device', async () => {
    await report({ n: 1, revision: 1 }, { n: 2, revision: 1 });
    await check();
    const steps = [
      () => device(1),
      () => report({ n: 1, revision: 2, addresses: ['10.21.0.5'], segment: 'quarantine', vlan: 666 }),
      () => devices.change(macOf(1), { posture: 'quarantined' }, { actor: 'me', action: 'x' }),
      () => devices.setInUse([macOf(1), macOf(2)], true, 'me'),
      () => device(2, 'ct-scanner'),
      () => report({ n: 2, revision: 2, state: 'closed', endedAt: now.toISOString() }, { n: 3, revision: 1 }),
      () => devices.remove(macOf(1), 'me'),
      () => report({ n: 1, revision: 2, vlan: 1 }),
      () => report({ n: 2, revision: 3, state: 'open', endedAt: null }),
      () => device(3),
      () => device(1, 'unknown'),
    ];
    for (const step of steps) {
      await step();
      await check();
    }
  });

  it('keep a session as the same object while nothing of it changes', async () => {
    await report({ n: 1, revision: 1 }, { n: 2, revision: 1 });
    const find = async (id: string) => (await live.all()).find((each) => each.id === id);
    const [one, two] = [await find('s1'), await find('s2')];
    await report({ n: 1, revision: 2, addresses: ['10.21.0.5'] });
    expect([await find('s1'), await find('s2')].map((each) => each === one || each === two)).toEqual([false, true]);
  });

  it('tell at which sites the registry says something else of a device with a session, once', async () => {
    await report({ n: 1, revision: 1, site: 'main' }, { n: 2, revision: 1, site: 'branch' });
    expect(await live.sitesOfChangedDevices()).toEqual(new Set());
    await device(1);
    // Nobody has a session of that one.
    await device(3);
    await report({ n: 2, revision: 2, site: 'branch', vlan: 1 });
    await live.all();
    expect(await live.sitesOfChangedDevices()).toEqual(new Set(['main']));
    expect(await live.sitesOfChangedDevices()).toEqual(new Set());
  });

  it('show what a person broke the glass for as what it counts as, and as not in use', async () => {
    const orders = {
      current: {
        breakGlass: [{ id: 1, mac: macOf(1), class: null, as: 'open', until: '2026-12-01T00:00:00Z' }],
        released: [],
      },
    };
    live = new LiveSessions(database, orders);
    await device(1);
    await devices.setInUse([macOf(1)], true, 'me');
    await report({ n: 1, revision: 1 });
    expect(await live.all()).toMatchObject([{ class: 'open', posture: 'normal', inUse: null }]);
    orders.current = { breakGlass: [], released: [] };
    expect(await live.all()).toMatchObject([{ class: 'infusion-pump', inUse: now.toISOString() }]);
  });
});
