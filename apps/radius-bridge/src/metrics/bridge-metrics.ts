import { Counter, Gauge, Registry } from 'prom-client';
import type { Counters } from '../counters.js';
import { counterFamilies, familyOf } from './counter-families.js';
import { LatencyMetric } from './latency-metric.js';
import { stateMetrics, type BridgeState } from './state-metrics.js';
import { ownUdpSockets } from './udp-sockets.js';

/** Name among the counters, name and help in Prometheus. */
const latencies = [
  ['authentication.mac', 'cordon_radius_mac_duration_seconds', 'MAC authentication: from the datagram to its reply'],
  [
    'authentication.eap-round',
    'cordon_radius_eap_round_duration_seconds',
    'One round of 802.1X: from the datagram to its reply, the worker included',
  ],
  [
    'accounting.durable',
    'cordon_radius_accounting_duration_seconds',
    'Accounting: from the datagram until the record is on disk and the reply is sent',
  ],
  [
    'coa.round-trip',
    'cordon_radius_coa_duration_seconds',
    'CoA and Disconnect: from the first transmission to the answer, or until it is given up',
  ],
  [
    'event-loop.lag',
    'cordon_bridge_event_loop_lag_seconds',
    'How late the main thread came back to a timer of 100 ms: meanwhile nothing is answered',
  ],
] as const;

/** The page at /metrics. It counts nothing itself: `Counters` and the state are read when somebody asks. */
export class BridgeMetrics {
  private readonly registry = new Registry();
  private readonly counted = new Map<string, Counter>();
  private readonly stated = new Map<string, Counter | Gauge>();

  constructor(
    private readonly counters: Counters,
    private readonly state: () => BridgeState,
  ) {
    const registers = [this.registry];
    for (const { name, help, perClient, labels } of counterFamilies) {
      const labelNames = [...(perClient ? ['client'] : []), ...Object.keys(labels ?? {})];
      this.counted.set(name, new Counter({ name, help, labelNames, registers }));
    }
    for (const { name, help, labels, isCounter } of stateMetrics) {
      const options = { name, help, labelNames: [...(labels ?? [])], registers };
      this.stated.set(name, isCounter ? new Counter(options) : new Gauge(options));
    }
    for (const [counter, name, help] of latencies) {
      const metric = new LatencyMetric({ name, help }, () => this.counters.latencies(counter));
      this.registry.registerMetric(metric);
    }
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async print(): Promise<string> {
    const sockets = await ownUdpSockets();
    // INVARIANT: nothing waits between here and the printing, or two scrapes at once would add to the same metrics.
    this.readCounters();
    const observed = { ...this.state(), sockets };
    for (const { name, read } of stateMetrics) {
      const metric = this.stated.get(name)!;
      metric.reset();
      const found = read(observed);
      for (const [value, labels] of typeof found === 'number' ? [[found, {}] as const] : found) {
        metric.inc(labels, value);
      }
    }
    return this.registry.metrics();
  }

  private readCounters(): void {
    for (const metric of this.counted.values()) metric.reset();
    for (const { name, client, value } of this.counters.each()) {
      const found = familyOf(name);
      if (!found) continue;
      const labels = client !== null && found.family.perClient ? { ...found.labels, client } : found.labels;
      this.counted.get(found.family.name)!.inc(labels, value);
    }
  }
}
