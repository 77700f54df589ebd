import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#base';
import type { Log } from '../log.js';
import type { Database } from '../store/database.js';
import { Outbox, type Mailbox, type WaitingMessage } from './outbox.js';

export interface SenderPorts {
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
  /** What could not be sent for so long is of no use any more; null: it always is. */
  readonly useless: number | null;
}

export const usualTimes: SenderTimes = {
  idle: 1000,
  timeout: 10_000,
  firstRetry: 1000,
  lastRetry: 300_000,
  late: 300_000,
  useless: null,
};

export interface SenderState {
  /** Since the start of the process: messages, and attempts that failed. */
  readonly sent: number;
  readonly failed: number;
  readonly waiting: number;
  readonly dropped: number;
  /** Null: all is well. */
  readonly late: { readonly since: string; readonly problem: string | null } | null;
}

export interface SendLimits {
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

/** Why it was not taken, for people, without a secret in it. */
export interface Failure {
  readonly problem: string;
  /** Another attempt would not change it. */
  readonly isFinal: boolean;
}

export interface Receiver {
  readonly box: Mailbox;
  /** What it gets, for the log. */
  readonly message: string;
  readonly messages: string;
  /** Null: it was taken. */
  readonly deliver: (message: WaitingMessage, at: Date, limits: SendLimits) => Promise<Failure | null>;
}

/**
 * Sends what waits in an outbox, one message after the other: the next goes only when the one before was taken, so their order holds. A
 * message is forgotten once the receiver has taken it and not before, so one may come twice, with the same id; or once it is of no use any
 * more. It waits for nobody but the receiver, and nobody waits for it.
 */
export class OutboxSender {
  private readonly outbox: Outbox;
  private readonly end = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private sent = 0;
  private failed = 0;
  /** In a row. */
  private failures = 0;
  private problem: string | null = null;

  constructor(
    private readonly ports: SenderPorts,
    private readonly receiver: Receiver,
    private readonly times: SenderTimes,
  ) {
    this.outbox = new Outbox(ports.database, receiver.box);
  }

  /** `isHeard`: somebody is there. Before anything happens that is to be told. */
  async start(isHeard: boolean): Promise<void> {
    await this.outbox.setHeard(isHeard);
    if (isHeard) this.running = this.run();
  }

  async stop(): Promise<void> {
    this.end.abort();
    await this.running;
  }

  async state(): Promise<SenderState> {
    const { waiting, oldest, dropped } = await this.outbox.state();
    const isLate = oldest !== null && this.age(oldest) > this.times.late;
    const { sent, failed, problem } = this;
    return { sent, failed, waiting, dropped, late: isLate ? { since: oldest, problem } : null };
  }

  private age(at: string): number {
    return this.ports.clock.now().getTime() - Date.parse(at);
  }

  private async run(): Promise<void> {
    while (!this.end.signal.aborted) {
      try {
        const message = await this.outbox.next();
        await this.pause(message ? await this.handle(message) : this.times.idle);
      } catch (error) {
        this.ports.log.error(`${this.receiver.messages}: the outbox could not be used`, { error: String(error) });
        await this.pause(this.times.lastRetry);
      }
    }
  }

  /** How long to wait before the next attempt, in milliseconds. */
  private async handle(message: WaitingMessage): Promise<number> {
    const failure = await this.send(message);
    if (failure === null) await this.outbox.remove(message.number);
    else if (this.end.signal.aborted) return 0;
    else if (failure.isFinal || this.isUseless(message)) {
      const { id } = message;
      this.ports.log.warn(`${this.receiver.message} given up`, { id, problem: failure.problem });
      await this.outbox.giveUp(message.number);
    } else return this.untilRetry();
    return 0;
  }

  private isUseless({ at }: WaitingMessage): boolean {
    const { useless } = this.times;
    return useless !== null && this.age(at) > useless;
  }

  private async send(message: WaitingMessage): Promise<Failure | null> {
    const { clock, log } = this.ports;
    const { signal } = this.end;
    const failure = await this.receiver.deliver(message, clock.now(), { milliseconds: this.times.timeout, signal });
    if (signal.aborted && failure !== null) return failure;
    this.problem = failure?.problem ?? null;
    if (failure === null) {
      if (this.failures > 0) log.info(`${this.receiver.messages} are taken again`, { failures: this.failures });
      this.failures = 0;
      this.sent++;
      return null;
    }
    this.failed++;
    const { problem, isFinal } = failure;
    if (!isFinal && ++this.failures === 1)
      log.warn(`${this.receiver.message} not taken, it is tried again`, { id: message.id, problem });
    return failure;
  }

  private untilRetry(): number {
    const { firstRetry, lastRetry } = this.times;
    const longest = Math.min(firstRetry * 2 ** Math.min(this.failures - 1, 30), lastRetry);
    return longest * (0.5 + this.ports.random() / 2);
  }

  private async pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return;
    await sleep(milliseconds, undefined, { signal: this.end.signal }).catch(() => undefined);
  }
}
