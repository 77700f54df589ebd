import { describe, expect, it } from 'vitest';
import { Counters } from '../counters.js';
import { BridgeMetrics } from './bridge-metrics.js';
import type { BridgeState } from './state-metrics.js';

const state: BridgeState = {
  version: '1.2.3',
  ready: true,
  snapshot: 'd1',
  commit: 'c1',
  snapshotTakenAt: 1_700_000_000_000,
  isSnapshotRefused: false,
  clients: 3,
  clientsWithoutSecret: 1,
  devices: 20,
  openSessions: 7,
  spool: 4,
  unwritten: 2,
  coaBacklog: 5,
  isControllerConnected: false,
  eap: { isServed: true, conversations: 6, workersRunning: 2, restarts: 1, backlog: [3, 0] },
  responders: { running: 1, restarts: 0 },
  sharedSockets: [],
  ports: { authentication: 0, accounting: 0 },
};

async function page(counters: Counters): Promise<string[]> {
  return (await new BridgeMetrics(counters, () => state).print()).split('\n');
}

describe('/metrics of the bridge', () => {
  it('has each count once: by client where there is one, the rest without', async () => {
    const counters = new Counters();
    counters.addFor('sw1', 'authentication.dropped.overload');
    counters.addFor('sw2', 'authentication.dropped.overload');
    counters.addFor('sw2', 'authentication.dropped.overload');
    counters.add('authentication.dropped.overload');
    const lines = (await page(counters)).filter((line) => line.startsWith('cordon_radius_dropped_total'));
    expect(lines).toEqual([
      'cordon_radius_dropped_total{port="authentication",reason="overload",client="sw1"} 1',
      'cordon_radius_dropped_total{port="authentication",reason="overload",client="sw2"} 2',
      'cordon_radius_dropped_total{port="authentication",reason="overload"} 1',
    ]);
  });

  it('says the same at the second scrape, also at two at once', async () => {
    const counters = new Counters();
    counters.addFor('sw1', 'authentication.accepts');
    const metrics = new BridgeMetrics(counters, () => state);
    const comparable = (text: string): string =>
      text
        .split('\n')
        .filter((line) => !line.startsWith('process_'))
        .join('\n');
    const [first, second] = await Promise.all([metrics.print(), metrics.print()]);
    expect(comparable(second)).toBe(comparable(first));
    expect(comparable(await metrics.print())).toBe(comparable(first));
    expect(first).toContain('cordon_radius_accepts_total{client="sw1"} 1\n');
  });

  it('shows counters without labels from the start, as 0, so that their first count is a rise', async () => {
    expect(await page(new Counters())).toContain('cordon_bridge_events_dropped_total 0');
  });

  it('gives latencies in seconds, each bucket with what is below it', async () => {
    const counters = new Counters();
    for (const milliseconds of [0.01, 0.02, 3, 20_000]) counters.took('authentication.mac', milliseconds);
    const lines = (await page(counters)).filter((line) => line.startsWith('cordon_radius_mac_duration_seconds'));
    expect(lines).toHaveLength(22);
    const name = 'cordon_radius_mac_duration_seconds';
    for (const line of [
      `${name}_bucket{le="0.00001"} 1`,
      `${name}_bucket{le="0.000025"} 2`,
      `${name}_bucket{le="0.0025"} 2`,
      `${name}_bucket{le="0.005"} 3`,
      `${name}_bucket{le="10"} 3`,
      `${name}_bucket{le="+Inf"} 4`,
      `${name}_sum 20.00303`,
      `${name}_count 4`,
    ])
      expect(lines).toContain(line);
  });

  it('tells what stands now', async () => {
    const lines = await page(new Counters());
    for (const line of [
      'cordon_bridge_snapshot_info{digest="d1",commit="c1"} 1',
      'cordon_bridge_snapshot_taken_timestamp_seconds 1700000000',
      'cordon_bridge_controller_connected 0',
      'cordon_bridge_sessions_open 7',
      'cordon_bridge_eap_worker_backlog{worker="0"} 3',
      'cordon_bridge_eap_worker_restarts_total 1',
      `cordon_bridge_build_info{version="1.2.3",node="${process.version}"} 1`,
    ])
      expect(lines).toContain(line);
  });

  it('escapes what a policy may name a switch', async () => {
    const counters = new Counters();
    counters.addFor('a"b\\c\nd', 'authentication.accepts');
    expect(await page(counters)).toContain('cordon_radius_accepts_total{client="a\\"b\\\\c\\nd"} 1');
  });
});
