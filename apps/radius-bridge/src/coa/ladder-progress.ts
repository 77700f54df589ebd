import type { AuthorizationStep } from '#model';

export interface RetryTiming {
  readonly firstRetry: number;
  readonly lastRetry: number;
}

/** Where one session stands on its way to one goal. */
export interface Climb {
  /** Goal and ladder: another one begins anew. */
  readonly key: string;
  readonly ladder: readonly AuthorizationStep[];
  /** Of the step that is to be taken. */
  position: number;
  /** Since something last went on. */
  failures: number;
  /** Why the steps up to here did not help. */
  problem: string | null;
  timer: NodeJS.Timeout | null;
  /** Waits on purpose. */
  isHeld: boolean;
  /** Has had its random wait. */
  isSpread: boolean;
}

/** setTimeout takes no more than 24.8 days; who wakes early looks again. */
const longestWait = 86_400_000;

/** Keeps for each session how far up its ladder it is, and wakes it when it has waited. It decides no step. */
export class LadderProgress {
  private readonly climbs = new Map<string, Climb>();

  constructor(private readonly timing: RetryTiming) {}

  get waiting(): number {
    let count = 0;
    for (const { timer, isHeld } of this.climbs.values()) if (timer && !isHeld) count++;
    return count;
  }

  /** The climb to this goal: the one under way, or a new one at the first step. */
  of(id: string, goal: string, ladder: readonly AuthorizationStep[]): Climb {
    const key = `${goal} ${ladder.join()}`;
    const known = this.climbs.get(id);
    if (known?.key === key) return known;
    this.forget(id);
    const climb: Climb = {
      key,
      ladder,
      position: 0,
      failures: 0,
      problem: null,
      timer: null,
      isHeld: false,
      isSpread: false,
    };
    this.climbs.set(id, climb);
    return climb;
  }

  /** False when the session has another goal by now, or none. */
  isCurrent(id: string, climb: Climb): boolean {
    return this.climbs.get(id) === climb;
  }

  wait(climb: Climb, milliseconds: number, wake: () => void): void {
    if (climb.timer) clearTimeout(climb.timer);
    climb.timer = setTimeout(() => {
      climb.timer = null;
      wake();
    }, milliseconds);
  }

  /** `milliseconds` null: until somebody looks again. */
  hold(climb: Climb, milliseconds: number | null, wake: () => void): void {
    this.release(climb);
    climb.isHeld = true;
    if (milliseconds !== null) this.wait(climb, Math.min(Math.max(0, milliseconds), longestWait), wake);
  }

  release(climb: Climb): void {
    climb.isHeld = false;
    if (climb.timer) clearTimeout(climb.timer);
    climb.timer = null;
  }

  /** Doubles with each failure. */
  retry(climb: Climb, wake: () => void): void {
    const { firstRetry, lastRetry } = this.timing;
    this.wait(climb, Math.min(firstRetry * 2 ** climb.failures, lastRetry), wake);
    climb.failures++;
  }

  forget(id: string): void {
    const climb = this.climbs.get(id);
    if (!climb) return;
    if (climb.timer) clearTimeout(climb.timer);
    this.climbs.delete(id);
  }

  close(): void {
    for (const id of this.climbs.keys()) this.forget(id);
  }
}
