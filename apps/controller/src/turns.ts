/** What claims to be urgent for longer is a large request, or one whose client does not read. */
const mostUrgent = 250;
/** Work is not put off for ever by people who ask all the time. */
const mostPatience = 100;

/**
 * Who goes first on the one thread. A change that somebody asked for, and bridges that are to hear of it, are urgent: they need many short
 * steps, each of which waits for whatever runs. Work that takes its time (a firewall's rules, what a thousand sessions mean) takes turns:
 * one piece after the other, with everybody else in between, and none while something urgent is under way.
 */
export class Turns {
  private urgentCount = 0;
  private tail: Promise<void> = Promise.resolve();
  private waiting: (() => void) | null = null;

  /** Gives the way to say that it is over. */
  urgent(): () => void {
    this.urgentCount++;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (--this.urgentCount === 0) this.waiting?.();
    };
    const timer = setTimeout(end, mostUrgent);
    return end;
  }

  /** Something is under way that others should make room for. */
  get isUrgent(): boolean {
    return this.urgentCount > 0;
  }

  /** Before a piece of work. */
  take(): Promise<void> {
    this.tail = this.tail.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.urgentCount > 0) await this.quiet();
    });
    return this.tail;
  }

  private async quiet(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, mostPatience);
      this.waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.waiting = null;
  }
}
