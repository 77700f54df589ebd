interface Count {
  value: number;
}

/** How long things of one kind took. */
export interface Latencies {
  /** One for each of `latencyBounds`, and a last one for what took longer; not cumulative. */
  readonly counts: readonly number[];
  readonly milliseconds: number;
}

/** What happened in another process, as data. */
export interface Counted {
  readonly totals: ReadonlyMap<string, number>;
  readonly clients: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly timed: ReadonlyMap<string, Latencies>;
}

/** Upper bounds of what is counted together, milliseconds: from a MAC authentication to a switch that answers at the fifth try. */
export const latencyBounds: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
];

/**
 * What happened since the start, by name; per RADIUS client where a client is known; and how long it took. Only ever grows.
 * What others see of it (`/counters`, `/metrics`) is made from it when they ask.
 */
export class Counters {
  private readonly totals = new Map<string, Count>();
  private readonly byClient = new Map<string, Map<string, Count>>();
  private readonly timed = new Map<string, { counts: number[]; milliseconds: number }>();

  add(name: string, amount = 1): void {
    addTo(this.totals, name, amount);
  }

  addFor(client: string, name: string): void {
    addTo(this.totals, name, 1);
    addTo(this.ofClient(client), name, 1);
  }

  /** Costs a MAC authentication a look into a map and two or three comparisons. */
  took(name: string, milliseconds: number): void {
    const latencies = this.timesOf(name);
    let n = 0;
    while (n < latencyBounds.length && milliseconds > latencyBounds[n]!) n++;
    latencies.counts[n]!++;
    latencies.milliseconds += milliseconds;
  }

  /** All there is, and begins anew: for the process that keeps the counters of all. */
  take(): Counted {
    const values = (counts: Map<string, Count>) => new Map([...counts].map(([name, { value }]) => [name, value]));
    const counted = {
      totals: values(this.totals),
      clients: new Map([...this.byClient].map(([client, counts]) => [client, values(counts)])),
      timed: new Map(this.timed),
    };
    for (const map of [this.totals, this.byClient, this.timed]) map.clear();
    return counted;
  }

  merge({ totals, clients, timed }: Counted): void {
    for (const [name, value] of totals) addTo(this.totals, name, value);
    for (const [client, counts] of clients) {
      const own = this.ofClient(client);
      for (const [name, value] of counts) addTo(own, name, value);
    }
    for (const [name, { counts, milliseconds }] of timed) {
      const own = this.timesOf(name);
      for (const [n, count] of counts.entries()) own.counts[n]! += count;
      own.milliseconds += milliseconds;
    }
  }

  private ofClient(client: string): Map<string, Count> {
    let own = this.byClient.get(client);
    if (!own) this.byClient.set(client, (own = new Map()));
    return own;
  }

  private timesOf(name: string): { readonly counts: number[]; milliseconds: number } {
    let latencies = this.timed.get(name);
    if (!latencies) {
      const counts = Array.from({ length: latencyBounds.length + 1 }, () => 0);
      this.timed.set(name, (latencies = { counts, milliseconds: 0 }));
    }
    return latencies;
  }

  get(name: string): number {
    return this.totals.get(name)?.value ?? 0;
  }

  latencies(name: string): Latencies | null {
    return this.timed.get(name) ?? null;
  }

  /** Each count once: `client` is null for what was counted without one. */
  *each(): Generator<{ readonly name: string; readonly client: string | null; readonly value: number }> {
    const known = new Map<string, number>();
    for (const [client, counts] of this.byClient) {
      for (const [name, { value }] of counts) {
        known.set(name, (known.get(name) ?? 0) + value);
        yield { name, client, value };
      }
    }
    for (const [name, { value }] of this.totals) {
      const rest = value - (known.get(name) ?? 0);
      if (rest > 0) yield { name, client: null, value: rest };
    }
  }

  toJSON(): { totals: Record<string, number>; clients: Record<string, Record<string, number>> } {
    const sorted = (counts: ReadonlyMap<string, Count>) =>
      Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { value }]) => [name, value]));
    return {
      totals: sorted(this.totals),
      clients: Object.fromEntries([...this.byClient].map(([client, counts]) => [client, sorted(counts)])),
    };
  }
}

function addTo(counts: Map<string, Count>, name: string, amount: number): void {
  const count = counts.get(name);
  if (count) count.value += amount;
  else counts.set(name, { value: amount });
}
