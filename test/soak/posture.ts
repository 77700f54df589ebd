import { describePlacement, type Placement } from '../bench/radius/placement.ts';

/** From the moment at which the bridge can hear of a change: it may take 15 s to notice a dead link, and waits up to 5 s then. */
export const reflectedWithin = 20_000;

/**
 * What the answers to a device may be while its posture is changed. Between the change and its first effect the old one is as
 * right as the new one, from `due` on for a bounded time; after the first effect the old one never comes back.
 */
export class PostureExpectation {
  private old: Placement | null = null;
  private wanted: Placement;
  private dueAt = Number.POSITIVE_INFINITY;
  /** Milliseconds from `due` to the first answer that shows the change, of each change; 0: it came before. */
  readonly delays: number[] = [];

  constructor(placement: Placement) {
    this.wanted = placement;
  }

  get isReflected(): boolean {
    return this.old === null;
  }

  change(to: Placement): void {
    this.old = this.wanted;
    this.wanted = to;
    this.dueAt = Number.POSITIVE_INFINITY;
  }

  /** Bridge and controller can talk to each other. */
  due(now: number): void {
    if (this.old !== null) this.dueAt = now;
  }

  /** An answer that was asked for at `asked`; says what is wrong with it. */
  saw(placement: Placement, asked: number, now: number): string | null {
    if (placement === this.wanted) {
      if (this.old !== null) this.delays.push(Math.max(0, now - this.dueAt));
      this.old = null;
      return null;
    }
    if (placement !== this.old) return `${describePlacement(placement)} instead of ${describePlacement(this.wanted)}`;
    const late = asked - this.dueAt;
    if (late <= reflectedWithin) return null;
    return `still ${describePlacement(placement)} ${Math.round(late / 1000)} s after a change of posture`;
  }
}
