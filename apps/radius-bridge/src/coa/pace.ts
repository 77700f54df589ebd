/** How many changes of policy may begin per second: what was saved up is at most a second's worth. */
export class Pace {
  private saved = Number.POSITIVE_INFINITY;
  private at: number;

  constructor(private readonly now: () => number) {
    this.at = now();
  }

  /** Takes one; else how many milliseconds it has to wait. `perSecond` null: any number. */
  take(perSecond: number | null): number {
    if (perSecond === null) return 0;
    const now = this.now();
    this.saved = Math.min(Math.max(1, perSecond), this.saved + ((now - this.at) / 1000) * perSecond);
    this.at = now;
    if (this.saved < 1) return Math.ceil(((1 - this.saved) / perSecond) * 1000);
    this.saved--;
    return 0;
  }
}
