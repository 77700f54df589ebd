import type { AddressRole } from '../enforcement/site-members.js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressMap, formatAddress, parseAddress } from '#net';
import type { RecordedFlow } from '#plan';
import { tinyPolicy } from '../../../../test/e2e/tiny-policy.js';
import { Retention } from '../history/retention.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import { Database } from '../store/database.js';
import { SeenFlowStore } from '../seen/seen-flow-store.js';
import { DenialIntake } from './denial-intake.js';
import { groupFlows, type HourlyFlow } from '../flows/hourly-flow.js';
import { RateLimit } from '../flows/rate-limit.js';
import { readDenials } from './denials.js';
import { DeniedFlowStore } from './denied-flow-store.js';
import { describeDenied } from './describe-denied.js';

const recorded = readFileSync(
  path.join(import.meta.dirname, '../../../../libs/plan/src/observed/testdata/ulogd-2.0.8.ndjson'),
  'utf8',
);
const never = new Date('2100-01-01T00:00:00Z');
const denial = (source: string, destination: string, port = 443, at = '2026-05-04T10:20:00Z'): RecordedFlow => ({
  first: new Date(at),
  last: new Date(at),
  source: parseAddress(source)!,
  destination: parseAddress(destination)!,
  protocol: 6,
  port,
  answered: 'no',
  packets: 1,
  connections: 1,
});
const pump = (address: Parameters<typeof formatAddress>[0]): string | null =>
  formatAddress(address).startsWith('10.21.0.') ? 'infusion-pump' : null;

describe('readDenials', () => {
  it('takes what ulogd recorded, and counts what is none of Cordon’s, a reply, or broken', () => {
    const [first = ''] = recorded.split('\n');
    const others = [
      first.replace('cordon-deny ', 'theirs '),
      first.replace('"icmp.type": 8', '"icmp.type": 3'),
      first.replace('10.20.0.11', 'nowhere'),
      first.slice(0, 80),
    ];
    const read = readDenials(`${recorded}\n${others.join('\n')}\n`, never);
    expect(read.denials).toHaveLength(10);
    expect(read).toMatchObject({ ignored: 2, malformed: 2 });
  });

  it('takes no packet of the future', () => {
    const latest = new Date('2026-05-04T10:00:00Z');
    expect(readDenials(recorded, latest).denials.every(({ first: at }) => at <= latest)).toBe(true);
  });
});

describe('groupFlows', () => {
  it('tells devices of a class together that try the same within an hour', () => {
    const sources = Array.from({ length: 9 }, (_, i) => `10.21.0.${i + 1}`);
    const denials = [
      ...sources.map((source) => denial(source, '10.10.9.9')),
      denial('10.21.0.1', '10.10.9.9', 443, '2026-05-04T10:59:59Z'),
      denial('10.21.0.1', '10.10.9.9', 443, '2026-05-04T11:00:00Z'),
      denial('10.21.0.1', '10.10.9.9', 80),
      denial('10.50.0.1', '10.10.9.9'),
    ];
    expect(groupFlows(denials, pump)).toMatchObject([
      {
        at: '2026-05-04T10:00:00.000Z',
        role: 'infusion-pump',
        packets: 10,
        firstAt: '2026-05-04T10:20:00.000Z',
        lastAt: '2026-05-04T10:59:59.000Z',
        connections: 10,
        sources: sources.map((address, i) => ({ address, mac: null, connections: i === 0 ? 2 : 1 })),
      },
      { at: '2026-05-04T11:00:00.000Z', packets: 1 },
      { port: 80, packets: 1 },
      { role: '', sources: [{ address: '10.50.0.1' }], packets: 1 },
    ]);
  });
});

describe('DeniedFlowStore', () => {
  let folder: string;
  let database: Database;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cordon-denied-'));
    database = await Database.open(path.join(folder, 'cordon.db'));
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  const since = new Date('2026-05-04T09:30:00Z');
  const flows = (...denials: readonly RecordedFlow[]): HourlyFlow[] => groupFlows(denials, pump);

  it('adds up what comes in several batches and over hours, and tells the most first', async () => {
    const store = new DeniedFlowStore(database);
    await store.add('fw1', flows(denial('10.21.0.1', '10.10.9.9'), denial('10.21.0.1', '10.10.9.9', 80)));
    await store.add(
      'fw1',
      flows(denial('10.21.0.2', '10.10.9.9'), denial('10.21.0.2', '10.10.9.9', 443, '2026-05-04T11:00:00Z')),
    );
    await store.add('fw2', flows(denial('10.50.0.1', '10.21.0.1')));
    const query = { since, limit: 10 };
    expect(await store.totals(query)).toMatchObject([
      { point: 'fw1', role: 'infusion-pump', port: 443, packets: 3, lastAt: '2026-05-04T11:00:00.000Z' },
      { packets: 1 },
      { packets: 1 },
    ]);
    const [first] = await store.totals({ ...query, point: 'fw1', class: 'infusion-pump', limit: 1 });
    expect(first!.sources.length).toBeGreaterThan(0);
    expect(await store.totals({ ...query, point: 'fw2' })).toMatchObject([{ role: '' }]);
    expect(await store.totals({ ...query, class: 'ct-scanner' })).toEqual([]);
    expect(await store.totals({ ...query, since: new Date('2026-05-04T12:00:00Z') })).toEqual([]);
  });

  it('tells a scan of everything in few rows', async () => {
    const store = new DeniedFlowStore(database, { flows: 20 });
    const scan = Array.from({ length: 200 }, (_, i) => denial('10.21.0.1', `10.10.0.${i}`));
    await store.add('fw1', flows(...scan));
    const totals = await store.totals({ since, limit: 1000 });
    expect(totals).toHaveLength(21);
    expect(totals[0]).toMatchObject({ destination: '', packets: 180 });
    expect(totals.reduce((sum, { packets }) => sum + packets, 0)).toBe(200);
  });

  it('forgets what is older than the history', async () => {
    const store = new DeniedFlowStore(database);
    await store.add(
      'fw1',
      flows(denial('10.21.0.1', '10.10.9.9'), denial('10.21.0.1', '10.10.9.9', 443, '2026-01-01T00:00:00Z')),
    );
    const clock = { now: () => new Date('2026-05-05T00:00:00Z') };
    const retention = new Retention(database, clock, { days: 90, rows: 1000 }, () => undefined);
    expect(await retention.prune()).toBe(1);
  });

  it('refuses an unknown point, and more than a gateway may tell', async () => {
    let now = 0;
    const clock = { now: () => new Date(now) };
    const enforcement = { rolesAt: (point: string) => (point === 'fw1' ? new AddressMap<AddressRole>() : null) };
    const intake = new DenialIntake(
      { denied: new DeniedFlowStore(database), seen: new SeenFlowStore(database) },
      enforcement,
      clock,
    );
    await expect(intake.take('fw9', recorded)).rejects.toMatchObject({ code: 'not-found' });
    expect(await intake.take('fw1', recorded)).toEqual({ taken: 10, watched: 0, ignored: 0, malformed: 0 });
    const much = ' '.repeat(1024 * 1024);
    for (let i = 0; i < 31; i++) await intake.take('fw1', much);
    await expect(intake.take('fw1', much)).rejects.toMatchObject({ code: 'too-many' });
    now = 2000;
    await intake.take('fw1', much);
  });
});

describe('what rules that watch a candidate log', () => {
  const [first = '', ...more] = recorded.trim().split('\n');
  const watched = first.replace('cordon-deny ', 'cordon-audit ');

  it('is told apart from what was denied, by its prefix', () => {
    expect(watched).not.toBe(first);
    const read = readDenials([watched, ...more].join('\n'), never);
    expect([read.denials.length, read.watched.length, read.ignored]).toEqual([9, 1, 0]);
    expect(read.watched[0]).toMatchObject({ answered: 'unknown', connections: 1 });
  });

  it('is kept as seen, and not as denied', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cordon-watched-'));
    const database = await Database.open(path.join(folder, 'cordon.db'));
    const stores = { denied: new DeniedFlowStore(database), seen: new SeenFlowStore(database) };
    const intake = new DenialIntake(stores, { rolesAt: () => new AddressMap<AddressRole>() }, { now: () => never });
    expect(await intake.take('fw1', `${watched}\n`)).toEqual({ taken: 0, watched: 1, ignored: 0, malformed: 0 });
    const since = new Date('2026-05-04T00:00:00Z');
    expect(await stores.denied.totals({ since, limit: 10 })).toEqual([]);
    expect(await stores.seen.totals({ since, limit: 10 })).toMatchObject([{ point: 'fw1', connections: 1 }]);
    await database.close();
    rmSync(folder, { recursive: true });
  });
});

describe('describeDenied', () => {
  const evaluated = evaluatePolicy(new Map(Object.entries(tinyPolicy)), new Date('2026-05-04T10:00:00Z'), {
    commit: null,
    author: null,
    committedAt: null,
  });
  if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
  const { snapshot } = evaluated.value;
  const total = {
    point: 'fw1',
    role: 'infusion-pump',
    destination: '10.10.4.20',
    protocol: 6,
    port: 443,
    firstAt: '2026-05-04T10:20:00.000Z',
    lastAt: '2026-05-04T10:20:00.000Z',
    answered: 'no' as const,
    packets: 3,
    connections: 3,
    sources: [{ address: '10.21.0.5', mac: null, connections: 3 }],
  };
  const describeIn = (change: Partial<typeof total>, roles = new AddressMap<AddressRole>()) =>
    describeDenied({ ...total, ...change }, snapshot, roles);

  it('makes a deny stand out that the policy in force would allow, with its line', () => {
    expect(describeIn({})).toMatchObject({
      class: 'infusion-pump',
      destination: { endpoints: ['drug-library', 'internal'], class: null },
      service: 'tcp/443',
      now: { verdict: 'allow', rules: [{ file: 'rules/flows.csv' }] },
    });
    expect(describeIn({ port: 22 }).now).toMatchObject({ verdict: 'deny', reason: 'no rule allows it', rules: [] });
    expect(describeIn({ role: 'quarantined' }).now).toMatchObject({ verdict: 'deny' });
  });

  it('says what it does not know', () => {
    expect(describeIn({ role: 'a-class-that-is-gone' }).now).toBeNull();
    expect(describeIn({ destination: '', protocol: 0, port: 0 })).toMatchObject({
      destination: null,
      service: null,
      now: null,
    });
    expect(describeDenied(total, null, null)).toMatchObject({ now: null, destination: { endpoints: [] } });
    const roles = new AddressMap<AddressRole>().set(parseAddress('10.21.0.9')!, { class: 'infusion-pump', snapshot });
    expect(describeIn({ destination: '10.21.0.9', protocol: 50, port: 0 }, roles)).toMatchObject({
      destination: { class: 'infusion-pump' },
      service: 'ip/50',
    });
  });
});

describe('RateLimit', () => {
  it('lets so much through at once, and the rest as time goes by, each key for itself', () => {
    let now = 0;
    const limit = new RateLimit({ now: () => new Date(now) }, 10, 2);
    expect([limit.take('a', 8), limit.take('a', 3), limit.take('b', 10)]).toEqual([true, false, true]);
    now = 500;
    expect([limit.take('a', 3), limit.take('a', 1)]).toEqual([true, false]);
    now = 1_000_000;
    expect([limit.take('a', 11), limit.take('a', 10)]).toEqual([false, true]);
  });
});
