import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Topic, Wakeups } from '../wakeups.js';

/** An answer that goes on while its client is there. What it says, and from where it goes on, is its user's business. */
export class LiveResponse {
  private readonly over = new AbortController();
  private isDirty = true;
  private interrupt: () => void = () => undefined;

  constructor(private readonly response: ServerResponse) {
    response.once('close', () => this.end());
    response.once('error', () => this.end());
  }

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  writeHead(headers: Readonly<Record<string, string>>): void {
    this.response.writeHead(200, headers);
  }

  /** Something may have come since the last look. */
  wake(): void {
    this.isDirty = true;
    this.interrupt();
  }

  /** Before a look: what comes during it asks for the next one. */
  looking(): void {
    this.isDirty = false;
  }

  end(): void {
    this.over.abort();
    this.interrupt();
  }

  /** Writes, and waits while the client doesn't keep up. */
  async send(text: string): Promise<void> {
    if (this.isOver || this.response.write(text)) return;
    await once(this.response, 'drain', { signal: this.over.signal }).catch(() => undefined);
  }

  finish(): void {
    this.response.end();
  }

  /** True once something may have come, or the client is gone; false when the time is over before. */
  untilWoken(milliseconds: number): Promise<boolean> {
    return this.pause(milliseconds, () => this.isDirty);
  }

  /** For this long, whatever comes, as long as the client is there. */
  async rest(milliseconds: number): Promise<void> {
    await this.pause(milliseconds, () => false);
  }

  private pause(milliseconds: number, isWoken: () => boolean): Promise<boolean> {
    if (this.isOver || isWoken()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      this.interrupt = () => {
        if (!this.isOver && !isWoken()) return;
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** The answers of one kind that go on now: each is woken when something of `topics` has changed. */
export class LiveResponses {
  private readonly open = new Set<LiveResponse>();

  constructor(
    private readonly wakeups: Wakeups,
    private readonly topics: readonly Topic[],
  ) {}

  get size(): number {
    return this.open.size;
  }

  /** Resolves when the client is gone. */
  async serve(response: ServerResponse, run: (live: LiveResponse) => Promise<void>): Promise<void> {
    const live = new LiveResponse(response);
    const stop = this.wakeups.on(this.topics, () => live.wake());
    this.open.add(live);
    try {
      await run(live);
    } finally {
      stop();
      this.open.delete(live);
    }
  }

  close(): void {
    for (const live of this.open) live.end();
  }
}
