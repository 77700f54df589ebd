import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#base';
import type { Log } from '../log.js';
import type { Database } from '../store/database.js';
import { deliver, type Message, type WebhookTarget } from './deliver.js';
import { Outbox } from './outbox.js';
import { tellDue } from './subjects.js';

interface Ports {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface SenderTimes {
  /** Between two looks for new messages. */
  readonly idle: number;
  readonly timeout: number;
  readonly firstRetry: number;
  readonly lastRetry: number;
  /** What waits longer than this is late. */
  readonly late: number;
}

const usualTimes: SenderTimes = {
  idle: 1000,
  timeout: 10_000,
  firstRetry: 1000,
  lastRetry: 300_000,
  late: 300_000,
};

export interface WebhookState {
  /** Since the start of the process: messages, and attempts that failed. */
  readonly sent: number;
  readonly failed: number;
  readonly waiting: number;
  readonly dropped: number;
  /** Null: all is well. */
  readonly late: { readonly since: string; readonly problem: string | null } | null;
}

/**
 * Sends what waits in the outbox, one message after the other: the next goes only when the one before was taken, so their order holds. A
 * message is forgotten once the receiver has taken it and not before, so one may come twice, with the same id. It waits for nobody but the
 * receiver, and nobody waits for it.
 */
export class WebhookSender {
  private readonly outbox: Outbox;
  private readonly end = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private sent = 0;
  private failed = 0;
  /** In a row. */
  private failures = 0;
  private problem: string | null = null;

  /** `target`: null when nobody is to hear of anything. */
  constructor(
    private readonly ports: Ports,
    private readonly target: WebhookTarget | null,
    private readonly times: SenderTimes = usualTimes,
  ) {
    this.outbox = new Outbox(ports.database);
  }

  /** Before anything happens that is to be told. */
  async start(): Promise<void> {
    const { target } = this;
    await this.outbox.setHeard(target !== null);
    if (!target) return;
    this.timer = setInterval(() => this.look(), this.times.idle);
    this.running = this.run(target);
  }

  async stop(): Promise<void> {
    this.end.abort();
    if (this.timer) clearInterval(this.timer);
    await this.running;
  }

  /** Null: nobody is to hear of anything. */
  async state(): Promise<WebhookState | null> {
    if (!this.target) return null;
    const { waiting, oldest, dropped } = await this.outbox.state();
    const isLate = oldest !== null && this.ports.clock.now().getTime() - Date.parse(oldest) > this.times.late;
    const { sent, failed, problem } = this;
    return { sent, failed, waiting, dropped, late: isLate ? { since: oldest, problem } : null };
  }

  private look(): void {
    const { database, clock, log } = this.ports;
    database
      .transaction((tx) => tellDue(tx, clock.now()))
      .catch((error: unknown) => log.error('webhooks: what is due was not looked at', { error: String(error) }));
  }

  private async run(target: WebhookTarget): Promise<void> {
    while (!this.end.signal.aborted) {
      try {
        const message = await this.outbox.next();
        if (!message) await this.pause(this.times.idle);
        else if (await this.send(target, message)) await this.outbox.remove(message.number);
        else await this.pause(this.untilRetry());
      } catch (error) {
        this.ports.log.error('webhooks: the outbox could not be used', { error: String(error) });
        await this.pause(this.times.lastRetry);
      }
    }
  }

  private async send(target: WebhookTarget, message: Message): Promise<boolean> {
    const { clock, log } = this.ports;
    const { signal } = this.end;
    const problem = await deliver(target, message, clock.now(), { milliseconds: this.times.timeout, signal });
    if (signal.aborted && problem !== null) return false;
    this.problem = problem;
    if (problem === null) {
      if (this.failures > 0) log.info('webhooks are taken again', { failures: this.failures });
      this.failures = 0;
      this.sent++;
      return true;
    }
    this.failed++;
    if (++this.failures === 1) log.warn('webhook not taken, it is tried again', { id: message.id, problem });
    return false;
  }

  private untilRetry(): number {
    const { firstRetry, lastRetry } = this.times;
    const longest = Math.min(firstRetry * 2 ** Math.min(this.failures - 1, 30), lastRetry);
    return longest * (0.5 + this.ports.random() / 2);
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.end.signal }).catch(() => undefined);
  }
}
