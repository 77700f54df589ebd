import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '#model';
import type { Mac } from '#net';
import type { EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleSession } from '../../test/sample-session.js';
import { storeEvents } from '../bridge/store-events.js';
import { OrderStore } from '../orders/order-store.js';
import { RolloutStore } from '../rollouts/rollout-store.js';
import { Database } from '../store/database.js';
import { webhookSubjects, policyVersions, type PolicyVersionRow, type RolloutRow } from '../store/rows.js';
import { Wakeups } from '../wakeups.js';
import { webhookEvents, type WebhookEvent } from './events.js';
import { Outbox, webhookBox } from '../outbox/outbox.js';
import { forgetPoint, tellDue, tellPoint, type PointReport } from './subjects.js';

const start = Date.parse('2026-11-23T11:00:00Z');
const minute = (count: number): Date => new Date(start + count * 60_000);
let folder: string;
let database: Database;
let outbox: Outbox;
let seq = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-subjects-'));
  database = await Database.open(join(folder, 'cordon.db'));
  outbox = new Outbox(database, webhookBox);
  await outbox.setHeard(true);
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What was told since the last call; each is what its schema says, and nothing more. */
async function told(): Promise<WebhookEvent[]> {
  const found: WebhookEvent[] = [];
  for (let next = await outbox.next(); next; next = await outbox.next()) {
    const { type, data } = JSON.parse(next.body) as WebhookEvent;
    expect(() => webhookEvents[type].data.parse(data)).not.toThrow();
    found.push({ type, data } as WebhookEvent);
    await outbox.remove(next.number);
  }
  return found;
}

const words = (events: readonly WebhookEvent[]): string[] =>
  events.map(({ type, data }) =>
    ['session' in data ? data.session : '', type, 'outcome' in data ? data.outcome : ''].join(' ').trim(),
  );

const inTx = (work: (tx: EntityManager) => Promise<void>): Promise<void> => database.transaction(work);
const look = (at: Date): Promise<void> => inTx((tx) => tellDue(tx, at));
const remembered = async (): Promise<string[]> =>
  (await database.read((db) => db.find(webhookSubjects))).map(({ subject, state }) => `${subject} ${state}`);

let revision = 0;
const session = (id: string, change: Partial<Session> = {}): Session =>
  sampleSession(minute(0).toISOString(), { id, revision: ++revision, ...change });
const report = (at: Date, ...sessions: Session[]) =>
  storeEvents(
    database,
    { bridge: 'b', events: sessions.map((each) => ({ type: 'session', seq: ++seq, session: each })) },
    at,
    { rows: 1000 },
    null,
  );

const since = minute(0).toISOString();
const diverged = { convergence: { state: 'diverged', since, reason: 'the switch does not answer' } } as const;
const refused = { delivery: { state: 'looping', since, reason: 'it asks again and again' } } as const;
const changing = { convergence: { state: 'changing', since, reason: null } } as const;
const stray = { strayAddresses: ['10.99.0.9'] };

describe('a session', () => {
  it('is told once when it gets wrong, and once when it is right again', async () => {
    await report(minute(0), session('s1'), session('s2', diverged));
    await report(minute(1), session('s2', diverged), session('s1', refused));
    await report(minute(2), session('s2'), session('s1', refused));
    const events = await told();
    expect(words(events)).toEqual(['s2 session.diverged', 's1 session.refused', 's2 session.recovered settled']);
    expect(events[0]?.data).toMatchObject({
      mac: '00:1a:00:00:00:01',
      nas: 'sw1',
      nasPort: '7',
      reason: 'the switch does not answer',
    });
    expect(events[2]?.data).toMatchObject({ was: 'diverged' });
    expect(await remembered()).toEqual(['session/s1 refused']);
  });

  it('is not right again while it is only being tried', async () => {
    await report(minute(0), session('s1', diverged));
    await report(minute(1), session('s1', changing));
    await report(minute(2), session('s1', diverged));
    expect(words(await told())).toEqual(['s1 session.diverged']);
  });

  it('that is over is not wrong any more', async () => {
    await report(minute(0), session('s1', diverged), session('s2'));
    await report(minute(1), session('s1', { state: 'closed' }), session('s2', { state: 'closed' }));
    expect(words(await told())).toEqual(['s1 session.diverged', 's1 session.recovered ended']);
    expect(await remembered()).toEqual([]);
  });

  it('is told in the order of one batch, too', async () => {
    await report(minute(0), session('s1', diverged), session('s1'), session('s1', refused));
    expect(words(await told())).toEqual(['s1 session.diverged', 's1 session.recovered settled', 's1 session.refused']);
  });

  it('with the address of another segment is told after three minutes, though nothing more is reported', async () => {
    await report(minute(0), session('s1', stray), session('s2', stray), session('s3', stray));
    await report(minute(1), session('s2'), session('s3', { ...stray, ...changing }));
    await look(minute(2.9));
    expect(await told()).toEqual([]);
    await look(minute(3));
    await look(minute(4));
    expect(words(await told())).toEqual(['s1 session.diverged']);
    expect(await remembered()).toEqual(['session/s1 diverged']);
  });

  it('is not followed while nobody is to hear of it', async () => {
    await outbox.setHeard(false);
    await report(minute(0), session('s1', diverged));
    expect(await remembered()).toEqual([]);
  });
});

describe('an enforcement point', () => {
  const point = (state: PointReport['state'], message = ''): Promise<void> =>
    inTx((tx) => tellPoint(tx, { name: 'fw1', site: 'main', driver: 'nftables', state, message }, minute(0)));

  it('is told once when it fails and once when it is in sync again, over restarts', async () => {
    await point('in-sync');
    for (let n = 0; n < 2; n++) await point('unreachable', 'the device does not answer');
    await point('failed', 'x'.repeat(5000));
    for (let n = 0; n < 2; n++) await point('in-sync');
    const events = await told();
    expect(events.map(({ type }) => type)).toEqual([
      'enforcement.failed',
      'enforcement.failed',
      'enforcement.recovered',
    ]);
    expect(events[0]?.data).toMatchObject({
      point: 'fw1',
      state: 'unreachable',
      message: 'the device does not answer',
    });
    expect(events[1]?.data).toMatchObject({ state: 'failed', message: 'x'.repeat(1000) });
    expect(events[2]?.data).toMatchObject({ was: 'failed' });
  });

  it('that was taken out of the policy begins anew', async () => {
    await point('failed', 'no');
    await inTx((tx) => forgetPoint(tx, 'fw1'));
    await point('failed', 'no');
    expect((await told()).map(({ type }) => type)).toEqual(['enforcement.failed', 'enforcement.failed']);
  });
});

describe('break-glass', () => {
  it('is told when it is opened, and when it is closed or its time is over', async () => {
    let now = minute(0);
    const orders = new OrderStore(database, { now: () => now }, new Wakeups());
    const order = { class: null, opens: 'pump-open', openedBy: 'Dr. Ada', reason: 'alarm', until: minute(60) };
    const { id } = await orders.breakGlass({ ...order, mac: '00:1a:00:00:00:01' as Mac }, 'ward');
    await orders.breakGlass({ ...order, mac: null, class: 'infusion-pump' }, 'ward');
    await orders.close(id, 'ada');
    orders.stop();
    for (const n of [59, 60, 61]) {
      now = minute(n);
      const restarted = new OrderStore(database, { now: () => now }, new Wakeups());
      await restarted.start();
      restarted.stop();
      await look(now);
    }
    const events = await told();
    expect(events).toMatchObject([
      {
        type: 'break-glass.opened',
        data: { mac: '00:1a:00:00:00:01', opens: 'pump-open', by: 'Dr. Ada', actor: 'ward' },
      },
      { type: 'break-glass.opened', data: { mac: null, class: 'infusion-pump' } },
      { type: 'break-glass.closed', data: { order: id, actor: 'ada' } },
      { type: 'break-glass.over', data: { class: 'infusion-pump', until: minute(60).toISOString() } },
    ]);
    expect(events).toHaveLength(4);
  });
});

describe('a rollout', () => {
  it('is told when a gate stops it, and not when a person pauses it', async () => {
    const commit = {
      commit: 'c0ffee',
      author: 'ada',
      committedAt: '',
      message: '',
      status: 'staged',
      digest: 'd',
    } as const;
    const { id: version } = await database.transaction((tx) =>
      tx.save(policyVersions, { ...commit, diagnostics: [], approvals: [], at: '' } as unknown as PolicyVersionRow),
    );
    const rules = { stages: [{ name: 'canary' }] };
    const row = { id: 7, version, toDigest: 'd', stage: 0, rules } as unknown as RolloutRow;
    const rollouts = new RolloutStore(database);
    await rollouts.change(
      row,
      { status: 'paused', reason: 'lunch' },
      { actor: 'ada', action: 'rollout.pause' },
      minute(0),
    );
    await rollouts.change(
      row,
      { status: 'halted', reason: 'why' },
      { actor: 'system', action: 'rollout.halt' },
      minute(1),
    );
    expect(await told()).toEqual([
      { type: 'rollout.halted', data: { rollout: 7, digest: 'd', stage: 'canary', reason: 'why' } },
    ]);
  });
});
