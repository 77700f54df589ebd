import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ControllerMetrics } from '../apps/controller/src/metrics/controller-metrics.js';
import { Counters } from '../apps/radius-bridge/src/counters.js';
import { BridgeMetrics } from '../apps/radius-bridge/src/metrics/bridge-metrics.js';

const root = join(import.meta.dirname, '..');
const guide = readFileSync(join(root, 'docs/monitoring.md'), 'utf8');

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

const bridge = new BridgeMetrics(new Counters(), () => ({
  version: '1',
  ready: false,
  snapshot: null,
  commit: null,
  snapshotTakenAt: null,
  isSnapshotRefused: false,
  clients: 0,
  clientsWithoutSecret: 0,
  devices: 0,
  openSessions: 0,
  spool: 0,
  unwritten: 0,
  coaBacklog: 0,
  isControllerConnected: false,
  eap: { isServed: false, conversations: 0, workersRunning: 0, restarts: 0, backlog: [] },
  responders: { running: 1, restarts: 0 },
  sharedSockets: [],
  ports: { authentication: 0, accounting: 0 },
}));
const controller = new ControllerMetrics(() =>
  Promise.resolve({
    version: '1',
    policy: {
      active: null,
      refused: null,
      rolledBack: null,
      source: { state: 'never-reached', lastSuccess: null, problem: null },
    },
    devices: [],
    openSessions: 0,
    enforcement: [],
    rollout: null,
    breakGlass: 0,
    inUse: 0,
    feeds: 0,
    bridges: [],
    points: [],
    counters: [],
    authentications: 0,
    streams: 0,
    suspicions: [],
    webhooks: null,
    hooks: [],
    statuses: null,
    approvals: null,
  }),
);

afterAll(() => controller.onApplicationShutdown());

async function metricsOf(page: Promise<string>): Promise<Metric[]> {
  const text = await page;
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(([, name, help, type]) => {
    return { name: name!, help: help!, type: type! };
  });
}

const all = [...(await metricsOf(bridge.print())), ...(await metricsOf(controller.print()))];

describe('metrics', () => {
  it('are many', () => {
    expect(all.length).toBeGreaterThan(50);
  });

  it.each(all)('$name is named as Prometheus wants it', ({ name, help, type }) => {
    expect(name).toMatch(/^(cordon_(radius|bridge|controller)|process)(_[a-z]+)+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    // Base units only, and a suffix that promises something else stays with what keeps the promise.
    expect(name).not.toMatch(/_(milliseconds|ms|minutes|kilobytes|percent|count|sum|bucket)(_|$)/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/^[A-Z0-9].*[^.]$/);
  });

  it('stand in docs/monitoring.md, each in one row of a table, with no others', () => {
    const rows = [...guide.matchAll(/^\| `((?:cordon|process)_\w+)`/gm)].map(([, name]) => name!);
    const names = [...new Set(all.map(({ name }) => name))];
    expect([...new Set(rows)].sort()).toEqual(names.sort());
    const ours = rows.filter((name) => name.startsWith('cordon_'));
    expect(ours.filter((name, n) => ours.indexOf(name) !== n)).toEqual([]);
  });

  it('that an alert of docs/monitoring.md names exist', () => {
    const named = guide.match(/\bcordon_(?:radius|bridge|controller)_\w+/g)!;
    const suffixes = /_(?:bucket|sum|count)$/;
    const known = new Set(all.map(({ name }) => name));
    expect(named.filter((name) => !known.has(name) && !known.has(name.replace(suffixes, '')))).toEqual([]);
  });
});
