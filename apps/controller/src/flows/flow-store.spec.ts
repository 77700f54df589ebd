import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, type Address } from '#net';
import type { RecordedFlow } from '#plan';
import { Retention } from '../history/retention.js';
import { SeenFlowStore } from '../seen/seen-flow-store.js';
import { Database } from '../store/database.js';
import { groupFlows, type HourlyFlow } from './hourly-flow.js';

const seen = (
  source: string,
  destination: string,
  port: number,
  change: Partial<RecordedFlow> & { readonly time?: string } = {},
): RecordedFlow => {
  const at = new Date(`2026-05-04T${change.time ?? '10:20:00'}Z`);
  const ends = { source: parseAddress(source)!, destination: parseAddress(destination)! };
  return { first: at, last: at, ...ends, protocol: 6, port, answered: 'yes', packets: 5, connections: 1, ...change };
};
const roleOf = (address: Address): string | null =>
  formatAddress(address).startsWith('10.21.') ? 'infusion-pump' : null;
const grouped = (...flows: readonly RecordedFlow[]): HourlyFlow[] => groupFlows(flows, roleOf);

describe('FlowStore', () => {
  let folder: string;
  let database: Database;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cordon-flows-'));
    database = await Database.open(path.join(folder, 'cordon.db'));
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  const since = new Date('2026-05-04T09:30:00Z');
  const all = { since, limit: 10_000 };

  it('counts connections by source, over batches and hours, each device once', async () => {
    const store = new SeenFlowStore(database);
    const [a, b, c] = ['10.21.0.1', '10.21.0.2', '10.21.0.3'] as const;
    await store.add('core', grouped(seen(a, '10.10.4.20', 443), seen(b, '10.10.4.20', 443, { connections: 4 })));
    await store.add('core', grouped(seen(b, '10.10.4.20', 443), seen(c, '10.10.4.20', 443, { time: '11:59:59' })));
    await store.add('core', grouped(seen(a, '10.10.4.20', 443, { time: '12:00:00', connections: 2 })));
    expect(await store.totals(all)).toEqual([
      {
        point: 'core',
        role: 'infusion-pump',
        destination: '10.10.4.20',
        protocol: 6,
        port: 443,
        answered: 'yes',
        firstAt: '2026-05-04T10:20:00.000Z',
        lastAt: '2026-05-04T12:00:00.000Z',
        packets: 25,
        connections: 9,
        sources: [
          { address: a, mac: null, connections: 3 },
          { address: b, mac: null, connections: 5 },
          { address: c, mac: null, connections: 1 },
        ],
      },
    ]);
    expect(await store.totals({ ...all, since: new Date('2026-05-04T12:30:00Z') })).toMatchObject([{ connections: 2 }]);
  });

  it('keeps apart what was answered, what was not, and what is not known', async () => {
    const store = new SeenFlowStore(database);
    const states = ['yes', 'no', 'unknown'] as const;
    await store.add('core', grouped(...states.map((answered) => seen('10.21.0.1', '10.10.4.20', 443, { answered }))));
    const totals = await store.totals(all);
    expect(totals.map(({ answered }) => answered).sort()).toEqual([...states].sort());
  });

  it('leaves room for what is answered while a device scans, and forgets no connection', async () => {
    const store = new SeenFlowStore(database, { flows: 60, unanswered: 40 });
    const ports = Array.from({ length: 3000 }, (_, i) => i + 1);
    const scan = ports.map((port) => seen('10.21.0.9', '10.10.4.20', port, { answered: 'no' }));
    await store.add('core', grouped(...scan));
    await store.add(
      'core',
      grouped(
        seen('10.21.0.1', '10.10.4.20', 443),
        seen('10.99.0.1', '10.10.4.20', 9999, { answered: 'no' }),
        seen('10.21.0.9', '10.10.4.20', 7, { answered: 'no' }),
      ),
    );
    const rows = await store.page(since, 0, 10_000);
    expect(rows).toHaveLength(40 + 1 + 2);
    const overflow = { destination: '', protocol: 0, port: 0, connections: 2960, sources: [{ address: '10.21.0.9' }] };
    expect(rows[40]).toMatchObject(overflow);
    expect(rows[6]).toMatchObject({ port: 7, connections: 2 });
    expect(rows.slice(41)).toMatchObject([{ port: 443 }, { role: '', port: 9999 }]);
    expect(rows.reduce((sum, { connections }) => sum + connections, 0)).toBe(3003);
    const many = Array.from({ length: 100 }, (_, i) => seen('10.21.0.1', `10.10.5.${i}`, 443));
    await store.add('core', grouped(...many));
    expect(await store.page(since, 0, 10_000)).toHaveLength(60 + 1);
    await store.add('edge', grouped(seen('10.21.0.1', '10.10.5.1', 443)));
    expect(await store.totals({ ...all, point: 'edge' })).toMatchObject([{ destination: '10.10.5.1' }]);
  });

  it('names so many sources, and counts the connections of the others', async () => {
    const store = new SeenFlowStore(database, { sources: 3 });
    const pumps = Array.from({ length: 9 }, (_, i) => seen(`10.21.0.${i}`, '10.10.4.20', 443));
    await store.add('core', grouped(...pumps.slice(0, 5)));
    await store.add('core', grouped(...pumps));
    const [row] = await store.page(since, 0, 10);
    expect(row).toMatchObject({ connections: 14 });
    expect(row!.sources.map(({ connections }) => connections)).toEqual([2, 2, 2]);
  });

  it('answers the same pages while more comes', async () => {
    const store = new SeenFlowStore(database);
    const ports = (from: number, to: number): RecordedFlow[] =>
      Array.from({ length: to - from }, (_, i) => seen('10.21.0.1', '10.10.4.20', from + i));
    await store.add('core', grouped(...ports(0, 20), seen('10.21.0.1', '10.10.4.20', 99, { time: '08:00:00' })));
    const first = await store.page(since, 0, 8);
    await store.add('core', grouped(...ports(10, 30)));
    const rest = await store.page(since, first.at(-1)!.id, 100);
    expect([...first, ...rest].map(({ port }) => port)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });
  it('forgets what is older than the history', async () => {
    const store = new SeenFlowStore(database);
    const old = new Date('2026-01-01T00:00:00Z');
    await store.add('core', grouped(seen('10.21.0.1', '10.10.4.20', 443, { first: old, last: old })));
    await store.add('core', grouped(seen('10.21.0.1', '10.10.4.20', 443)));
    const clock = { now: () => new Date('2026-05-05T00:00:00Z') };
    const retention = new Retention(database, clock, { days: 90, rows: 1000 }, () => undefined);
    expect(await retention.prune()).toBe(1);
    expect(await store.page(old, 0, 10)).toMatchObject([{ at: '2026-05-04T10:00:00.000Z' }]);
  });
});
