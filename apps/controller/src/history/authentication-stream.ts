import type { ServerResponse } from 'node:http';
import { LiveResponses, type LiveResponse } from '../http/live-response.js';
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
  private readonly open: LiveResponses;

  constructor(
    private readonly store: AuthenticationStore,
    wakeups: Wakeups,
    private readonly timing: StreamTiming = { ping: 15_000, pause: 100, longest: 3_600_000 },
  ) {
    this.open = new LiveResponses(wakeups, ['authentications']);
  }

  get clients(): number {
    return this.open.size;
  }

  /** Resolves when the client is gone. */
  async serve(response: ServerResponse, start: StreamStart): Promise<void> {
    if (this.open.size >= mostStreams)
      throw new Refusal('unavailable', `${mostStreams} streams are open already: end one of them`);
    await this.open.serve(response, (live) => new StreamConnection(live, start, this.store, this.timing).run());
  }

  close(): void {
    this.open.close();
  }
}

class StreamConnection {
  constructor(
    private readonly live: LiveResponse,
    private readonly start: StreamStart,
    private readonly store: AuthenticationStore,
    private readonly timing: StreamTiming,
  ) {}

  async run(): Promise<void> {
    const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
    let position = await this.begin();
    const { live } = this;
    live.writeHead(headers);
    await live.send(`retry: 2000\nid: ${position}\n\n`);
    const until = performance.now() + this.timing.longest;
    while (!live.isOver && performance.now() < until) {
      live.looking();
      position = await this.sendNews(position);
      await live.rest(this.timing.pause);
      if (!(await live.untilWoken(this.timing.ping))) await live.send(': ping\n\n');
    }
    live.finish();
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
      await this.live.send(`event: gap\nid: ${oldest}\ndata: ${JSON.stringify({ missed: oldest - position })}\n\n`);
      position = oldest;
    }
    while (position < last && !this.live.isOver) {
      const { rows, upTo } = await this.store.after(position, last, this.start.filter);
      const events = rows.map((row) => `event: authentication\nid: ${row.id}\ndata: ${JSON.stringify(row)}\n\n`);
      // Also when nothing was to be shown: who comes again goes on from here.
      if (rows.at(-1)?.id !== upTo) events.push(`id: ${upTo}\n\n`);
      await this.live.send(events.join(''));
      position = upTo;
    }
    return position;
  }
}
