/** Of a round of 802.1X, which takes a tenth of a millisecond: what a MAC authentication may have to wait for. */
const tasksPerTurn = 4;

interface Task {
  readonly run: () => void;
  /** By the monotonic clock, milliseconds. */
  readonly since: number;
}

/**
 * Work that may wait, a little in each turn of the event loop: what comes in meanwhile is read in between. In a storm, dozens of
 * rounds of 802.1X and answers of workers are there at once, and each would stand before the MAC authentications that came after.
 *
 * In order. What a task leaves for the microtasks is done before the next one.
 */
export class Turns {
  private readonly waiting: Task[] = [];
  private next = 0;
  private scheduled = 0;

  /** `onFault`: a task that throws costs itself, not the others. */
  constructor(private readonly onFault: (error: unknown) => void) {}

  get size(): number {
    return this.waiting.length - this.next;
  }

  /** How long the first one has been waiting, milliseconds. */
  get behind(): number {
    const first = this.waiting[this.next];
    return first ? performance.now() - first.since : 0;
  }

  later(run: () => void): void {
    this.waiting.push({ run, since: performance.now() });
    if (this.scheduled === 0) this.schedule();
  }

  private schedule(): void {
    this.scheduled = Math.min(tasksPerTurn, this.size);
    for (let i = 0; i < this.scheduled; i++) setImmediate(this.run);
  }

  private readonly run = (): void => {
    const task = this.waiting[this.next++]!;
    if (this.next === this.waiting.length) {
      this.waiting.length = 0;
      this.next = 0;
    } else if (this.next === 1024) {
      this.waiting.splice(0, this.next);
      this.next = 0;
    }
    this.scheduled--;
    try {
      task.run();
    } catch (error) {
      this.onFault(error);
    }
    if (this.scheduled === 0 && this.size > 0) this.schedule();
  };
}
