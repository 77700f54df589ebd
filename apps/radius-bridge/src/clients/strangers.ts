const mostAddresses = 100;

/** Sources that are no client: how often each came. Bounded, since sources can be forged: later ones are counted together. */
export class Strangers {
  private readonly counts = new Map<string, number>();
  private others = 0;

  note(address: string, times = 1): void {
    const count = this.counts.get(address);
    if (count === undefined && this.counts.size >= mostAddresses) this.others += times;
    else this.counts.set(address, (count ?? 0) + times);
  }

  /** All there is, and begins anew. */
  take(): ReturnType<Strangers['toJSON']> {
    const taken = this.toJSON();
    this.counts.clear();
    this.others = 0;
    return taken;
  }

  toJSON(): { readonly addresses: Readonly<Record<string, number>>; readonly others: number } {
    return { addresses: Object.fromEntries(this.counts), others: this.others };
  }
}
