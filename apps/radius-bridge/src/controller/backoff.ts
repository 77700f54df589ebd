/** Waiting times between tries: doubling up to a limit, with jitter so that many bridges don't come back as one. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly first: number,
    private readonly last: number,
    private readonly random: () => number = Math.random,
  ) {}

  succeeded(): void {
    this.failures = 0;
  }

  /** Milliseconds: half to all of the step. */
  next(): number {
    const step = Math.min(this.first * 2 ** this.failures, this.last);
    this.failures++;
    return step * (0.5 + this.random() / 2);
  }
}

/** Resolves after the time or when the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
