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
}

/** Keeps for each session how far up its ladder it is, and wakes it when it has waited. It decides no step. */
export class LadderProgress {
  private readonly climbs = new Map<string, Climb>();

  constructor(private readonly timing: RetryTiming) {}

  get waiting(): number {
    let count = 0;
    for (const { timer } of this.climbs.values()) if (timer) count++;
    return count;
  }

  /** The climb to this goal: the one under way, or a new one at the first step. */
  of(id: string, goal: string, ladder: readonly AuthorizationStep[]): Climb {
    const key = `${goal} ${ladder.join()}`;
    const known = this.climbs.get(id);
    if (known?.key === key) return known;
    this.forget(id);
    const climb: Climb = { key, ladder, position: 0, failures: 0, problem: null, timer: null };
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
