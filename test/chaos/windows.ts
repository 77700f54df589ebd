/*
 * How long the network may differ from the policy after something happened: docs/convergence.md gives the reasons. Seconds from the end of the
 * act, on a machine that is busy with other things, too.
 */
export const windows = {
  /** A commit, a posture, an order: everything can be reached. */
  change: 10,
  /** A switch said that a device came, went, or moved. */
  session: 15,
  /** Somebody changed an enforcement point by hand: seen at the next look. */
  drift: 15,
  /** The controller was killed, and runs again. */
  controller: 25,
  /** The point, or the way to it, was away: its last try may have begun just before it came back. */
  point: 60,
  /** The bridge, or the way between it and the controller, was away. */
  bridge: 45,
  /** A switch did not do what it was told: it is told again, later each time. */
  switch: 90,
} as const;
export type Cause = keyof typeof windows;

/** Something that the verdict of a packet hangs on: an enforcement point, a device. */
export class Course {
  private open = 0;
  private until = 0;
  /** What touched it last, and when that was over. */
  private last: { readonly cause: Cause; readonly at: number } | null = null;

  /** Something happened here just now. */
  touch(cause: Cause, now: number): void {
    const until = now + windows[cause] * 1000;
    // What is allowed longest says what a late verdict is put down to.
    if (until >= this.until) this.last = { cause, at: now };
    this.until = Math.max(this.until, until);
  }

  /** Something begins that lasts: it ends with what this gives, and only once. */
  hold(cause: Cause): (now: number) => void {
    this.open++;
    let isHeld = true;
    return (now) => {
      if (!isHeld) return;
      isHeld = false;
      this.open--;
      this.touch(cause, now);
    };
  }

  isSettled(now: number): boolean {
    return this.open === 0 && now > this.until;
  }

  get isHeld(): boolean {
    return this.open > 0;
  }

  /** It was seen that all is as it should be: nothing more is forgiven. */
  settle(): void {
    this.until = 0;
    this.last = null;
  }

  /** How long ago that was over which explains a difference now; null: it is not over, or there is none. */
  lateness(now: number): { readonly cause: Cause; readonly milliseconds: number } | null {
    if (this.open > 0 || !this.last) return null;
    return { cause: this.last.cause, milliseconds: now - this.last.at };
  }
}
