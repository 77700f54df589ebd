/** Puts items together that belong together: each stands alone until it is joined with another. */
export class Clusters {
  private readonly labels: number[] = [];
  private count: number;

  constructor(items: number) {
    for (let i = 0; i < items; i++) this.labels.push(i);
    this.count = items;
  }

  /** Of two items by their places, and of all that they were joined with. */
  join(a: number, b: number): void {
    const [own, other] = [this.labels[a]!, this.labels[b]!];
    if (own === other) return;
    this.count--;
    const [kept, gone] = own < other ? [own, other] : [other, own];
    for (let i = gone; i < this.labels.length; i++) if (this.labels[i] === gone) this.labels[i] = kept;
  }

  /** Whether nothing was joined. */
  get areApart(): boolean {
    return this.count === this.labels.length;
  }

  /** The places of the items of each cluster, ascending; in order of the first. */
  lists(): number[][] {
    const lists: number[][] = this.labels.map(() => []);
    for (const [i, label] of this.labels.entries()) lists[label]!.push(i);
    return lists.filter((list) => list.length > 0);
  }
}
