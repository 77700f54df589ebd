/** What happened since the start, by name; per RADIUS client where a client is known. Only ever grows. */
export class Counters {
  private readonly totals = new Map<string, number>();
  private readonly byClient = new Map<string, Map<string, number>>();

  add(name: string, amount = 1): void {
    this.totals.set(name, (this.totals.get(name) ?? 0) + amount);
  }

  addFor(client: string, name: string): void {
    this.add(name);
    let own = this.byClient.get(client);
    if (!own) this.byClient.set(client, (own = new Map()));
    own.set(name, (own.get(name) ?? 0) + 1);
  }

  get(name: string): number {
    return this.totals.get(name) ?? 0;
  }

  toJSON(): { totals: Record<string, number>; clients: Record<string, Record<string, number>> } {
    const sorted = (counts: ReadonlyMap<string, number>) =>
      Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
    return {
      totals: sorted(this.totals),
      clients: Object.fromEntries([...this.byClient].map(([client, counts]) => [client, sorted(counts)])),
    };
  }
}
