import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Refusal } from '../http/refusal.js';
import type { Wakeups } from '../wakeups.js';
import type { AuthenticationFilter, AuthenticationStore } from './authentication-store.js';

export interface StreamStart {
  readonly filter: AuthenticationFilter;
  /** The number that the client had last; null: it begins. */
  readonly lastEventId: number | null;
  /** Who begins gets this many from before. */
  readonly recent: number;
}

export interface StreamTiming {
  readonly ping: number;
  /** At least between two looks: bridges report up to fifty times a second each. */
  readonly pause: number;
  /** Then the client has to come again, with a token that is still good. */
  readonly longest: number;
}

const mostStreams = 100;
/** Who was away for longer than this many gets the newest, and is told what it missed. */
const mostReplayed = 50_000;

/**
 * Decisions as they arrive, as server-sent events. The store is the buffer: a client that does not keep up reads from it later,
 * one look's rows at a time, and nothing is held for it in memory. What the store no longer has is a `gap`.
 */
export class AuthenticationStream {
  private readonly open = new Set<StreamConnection>();

  constructor(
    private readonly store: AuthenticationStore,
    private readonly wakeups: Wakeups,
    private readonly timing: StreamTiming = { ping: 15_000, pause: 100, longest: 3_600_000 },
  ) {}

  get clients(): number {
    return this.open.size;
  }

  /** Resolves when the client is gone. */
  async serve(response: ServerResponse, start: StreamStart): Promise<void> {
    if (this.open.size >= mostStreams)
      throw new Refusal('unavailable', `${mostStreams} streams are open already: end one of them`);
    const connection = new StreamConnection(response, start, this.store, this.timing);
    const stop = this.wakeups.on(['authentications'], () => connection.wake());
    this.open.add(connection);
    try {
      await connection.run();
    } finally {
      stop();
      this.open.delete(connection);
    }
  }

  close(): void {
    for (const connection of this.open) connection.end();
  }
}

class StreamConnection {
  private readonly over = new AbortController();
  private isDirty = true;
  private interrupt: () => void = () => undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly start: StreamStart,
    private readonly store: AuthenticationStore,
    private readonly timing: StreamTiming,
  ) {
    response.once('close', () => this.end());
    response.once('error', () => this.end());
  }

  async run(): Promise<void> {
    const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
    let position = await this.begin();
    this.response.writeHead(200, headers);
    await this.send(`retry: 2000\nid: ${position}\n\n`);
    const until = performance.now() + this.timing.longest;
    while (!this.isOver && performance.now() < until) {
      this.isDirty = false;
      position = await this.sendNews(position);
      await this.pause(this.timing.pause, () => false);
      if (!(await this.pause(this.timing.ping, () => this.isDirty))) await this.send(': ping\n\n');
    }
    this.response.end();
  }

  wake(): void {
    this.isDirty = true;
    this.interrupt();
  }

  end(): void {
    this.over.abort();
    this.interrupt();
  }

  private get isOver(): boolean {
    return this.over.signal.aborted;
  }

  private async begin(): Promise<number> {
    const { filter, lastEventId, recent } = this.start;
    const { last } = await this.store.bounds();
    // A number that this database never gave out is of another one, before a restore: begin with what is here.
    return lastEventId !== null && lastEventId <= last ? lastEventId : this.store.before(filter, recent, last);
  }

  private async sendNews(from: number): Promise<number> {
    let position = from;
    const { first, last } = await this.store.bounds();
    const oldest = Math.max(first - 1, last - mostReplayed);
    if (position < oldest) {
      await this.send(`event: gap\nid: ${oldest}\ndata: ${JSON.stringify({ missed: oldest - position })}\n\n`);
      position = oldest;
    }
    while (position < last && !this.isOver) {
      const { rows, upTo } = await this.store.after(position, last, this.start.filter);
      const events = rows.map((row) => `event: authentication\nid: ${row.id}\ndata: ${JSON.stringify(row)}\n\n`);
      // Also when nothing was to be shown: who comes again goes on from here.
      if (rows.at(-1)?.id !== upTo) events.push(`id: ${upTo}\n\n`);
      await this.send(events.join(''));
      position = upTo;
    }
    return position;
  }

  /** Writes, and waits while the client doesn't keep up. */
  private async send(text: string): Promise<void> {
    if (this.isOver || this.response.write(text)) return;
    await once(this.response, 'drain', { signal: this.over.signal }).catch(() => undefined);
  }

  /** True when woken before the time is over; `isWoken` may say so at once. */
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
