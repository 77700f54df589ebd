import { Histogram } from 'prom-client';
import { latencyBounds, type Latencies } from '../counters.js';

type Printed = Awaited<ReturnType<Histogram['get']>>;

/** The histogram that the counters keep, in Prometheus's form: seconds, and each bucket with all that is below it. */
export class LatencyMetric extends Histogram {
  constructor(
    private readonly about: { readonly name: string; readonly help: string },
    private readonly read: () => Latencies | null,
  ) {
    super({ ...about, registers: [] });
  }

  override get(): Promise<Printed> {
    const printed = { ...this.about, type: 'histogram', aggregator: 'sum', values: this.values() };
    return Promise.resolve(printed as unknown as Printed);
  }

  /** What the registry asks first, which the types don't know. */
  getForPromString(): Promise<Printed> {
    return this.get();
  }

  private values() {
    const { name } = this.about;
    const { counts, milliseconds } = this.read() ?? { counts: [], milliseconds: 0 };
    let sum = 0;
    const buckets = [...latencyBounds, Infinity].map((bound, n) => ({
      metricName: `${name}_bucket`,
      labels: { le: bound === Infinity ? '+Inf' : String(bound / 1000) },
      value: (sum += counts[n] ?? 0),
    }));
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: milliseconds / 1000 },
      { metricName: `${name}_count`, labels: {}, value: sum },
    ];
  }
}
