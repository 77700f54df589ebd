const mostAddresses = 100;

/** Sources that are no client: how often each came. Bounded, since sources can be forged: later ones are counted together. */
export class Strangers {
  private readonly counts = new Map<string, number>();
  private others = 0;

  note(address: string): void {
    const count = this.counts.get(address);
    if (count === undefined && this.counts.size >= mostAddresses) this.others++;
    else this.counts.set(address, (count ?? 0) + 1);
  }

  toJSON(): { readonly addresses: Readonly<Record<string, number>>; readonly others: number } {
    return { addresses: Object.fromEntries(this.counts), others: this.others };
  }
}
