interface Count {
  value: number;
}

/** What happened since the start, by name; per RADIUS client where a client is known. Only ever grows. */
export class Counters {
  private readonly totals = new Map<string, Count>();
  private readonly byClient = new Map<string, Map<string, Count>>();

  add(name: string, amount = 1): void {
    addTo(this.totals, name, amount);
  }

  addFor(client: string, name: string): void {
    addTo(this.totals, name, 1);
    let own = this.byClient.get(client);
    if (!own) this.byClient.set(client, (own = new Map()));
    addTo(own, name, 1);
  }

  get(name: string): number {
    return this.totals.get(name)?.value ?? 0;
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
