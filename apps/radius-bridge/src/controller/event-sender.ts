import { z } from 'zod';
import type { Counters } from '../counters.js';
import type { Journal } from '../journal/journal.js';
import { reasonOf, type Log } from '../log.js';
import { Backoff, pause } from './backoff.js';
import type { ControllerAddress } from './feed-client.js';
import { postJson } from './post.js';

const answerSchema = z.object({ stored: z.number().int().nonnegative() });
/** Putting together more at once would hold up the requests that come meanwhile. */
const maxEvents = 200;
/** What comes within it after a request goes with the next: each costs as much as twenty answers. */
const restMilliseconds = 100;
const answerTimeout = 15_000;

/**
 * Brings the spool to the controller, in order, as fast as it comes, and forgets what the controller has stored. An event
 * is on our disk before it is sent, and stays until then.
 */
export class EventSender {
  private readonly stop = new AbortController();
  private readonly backoff: Backoff;
  private running: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  private isWanted = true;
  private lastProblem: string | null = null;
  /** By which policy the controller knows that we answer. */
  private told: string | null = null;

  constructor(
    private readonly controller: ControllerAddress,
    private readonly journal: Journal,
    private readonly counters: Counters,
    private readonly log: Log,
    /** Digest of the policy by which we answer. */
    private readonly answersBy: () => string | null,
    timing = { firstRetry: 200, lastRetry: 5000 },
  ) {
    this.backoff = new Backoff(timing.firstRetry, timing.lastRetry);
  }

  start(): void {
    this.running = this.run();
  }

  /** There is something new on disk, or we answer by another policy. */
  notify(): void {
    this.isWanted = true;
    this.wake?.();
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.wake?.();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      if (!this.isWanted) await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = null;
      if (this.stop.signal.aborted) return;
      this.isWanted = false;
      try {
        const count = await this.sendBatch();
        this.backoff.succeeded();
        this.lastProblem = null;
        if (count === 0) continue;
        this.isWanted = true;
        if (count < maxEvents) await pause(restMilliseconds, this.stop.signal);
      } catch (error) {
        await this.failed(reasonOf(error));
      }
    }
  }

  private async failed(problem: string): Promise<void> {
    if (this.stop.signal.aborted) return;
    this.isWanted = true;
    this.counters.add('events.failures');
    if (problem !== this.lastProblem) this.log('warn', 'events wait on disk', { problem });
    this.lastProblem = problem;
    await pause(this.backoff.next(), this.stop.signal);
  }

  /** Answers with how many events went. */
  private async sendBatch(): Promise<number> {
    const events = await this.journal.readEvents(maxEvents);
    const digest = this.answersBy();
    if (events.length === 0 && digest === this.told) return 0;
    const token = this.controller.token();
    if (!token) throw new Error('there is no bridge token');
    const { status, body } = await postJson(
      `${this.controller.url}/api/v1/bridge/events`,
      token,
      `{"bridge":${JSON.stringify(this.controller.bridge)},${digest === null ? '' : `"digest":"${digest}",`}"events":[${events.map(({ json }) => json).join(',')}]}`,
      AbortSignal.any([this.stop.signal, AbortSignal.timeout(answerTimeout)]),
    );
    if (status < 200 || status > 299) throw new Error(`the controller answered ${status} to events`);
    const { stored } = answerSchema.parse(JSON.parse(body));
    this.told = digest;
    if (events.length === 0) return 0;
    const last = events.at(-1)!.seq;
    if (stored < events[0]!.seq) throw new Error(`the controller stored events up to ${stored} only`);
    this.counters.add('events.sent', events.filter(({ seq }) => seq <= stored).length);
    this.journal.write([{ kind: 'forget-events', upTo: Math.min(stored, last) }]);
    return events.length;
  }
}
