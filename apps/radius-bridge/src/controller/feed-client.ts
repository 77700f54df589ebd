import { feedMessageSchema, type FeedMessage } from '#model';
import type { Counters } from '../counters.js';
import { reasonOf, type Log } from '../log.js';
import { Backoff, pause } from './backoff.js';
import { linesOf } from './lines.js';

export interface ControllerAddress {
  readonly url: string;
  /** By what name the controller knows us. */
  readonly bridge: string;
  /** Null: not there yet. */
  readonly token: () => string | null;
}

export interface FeedPosition {
  /** Of the device index. */
  readonly revision: number;
  readonly credentialRevision: number;
  readonly digest: string | null;
  /** Of what is being rolled out. */
  readonly rollout: string | null;
}

export interface FeedReceiver {
  /** Where we are: what the controller need not send again. */
  readonly position: () => FeedPosition;
  /** Throws when the message can't be used. */
  readonly receive: (message: FeedMessage) => void;
  readonly disconnected: () => void;
}

export interface FeedTiming {
  readonly firstRetry: number;
  readonly lastRetry: number;
  /** Without a message for this long the link counts as dead; the controller pings every five seconds. */
  readonly stale: number;
}

const maxLineLength = 256 * 1024 * 1024;

/**
 * Keeps the feed of the controller open and hands its messages over, one at a time and in order. It does not decide what
 * they mean, and the bridge works on what it has while there is no link.
 */
export class FeedClient {
  private readonly stop = new AbortController();
  private running: Promise<void> | null = null;
  private connected = false;
  private lastProblem: string | null = null;

  constructor(
    private readonly controller: ControllerAddress,
    private readonly receiver: FeedReceiver,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly timing: FeedTiming = { firstRetry: 200, lastRetry: 5000, stale: 15_000 },
  ) {}

  get isConnected(): boolean {
    return this.connected;
  }

  /** Why there is no link; null when there is one. */
  get problem(): string | null {
    return this.connected ? null : (this.lastProblem ?? 'not connected yet');
  }

  start(): void {
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const backoff = new Backoff(this.timing.firstRetry, this.timing.lastRetry);
    while (!this.stop.signal.aborted) {
      let problem = 'the controller ended the feed';
      try {
        await this.listen(() => backoff.succeeded());
      } catch (error) {
        problem = reasonOf(error);
      }
      this.connected = false;
      if (this.stop.signal.aborted) return;
      this.receiver.disconnected();
      this.counters.add('controller.disconnects');
      if (problem !== this.lastProblem)
        this.log('warn', 'no link to the controller: going on with what is on disk', { problem });
      this.lastProblem = problem;
      await pause(backoff.next(), this.stop.signal);
    }
  }

  private async listen(onAlive: () => void): Promise<void> {
    const token = this.controller.token();
    if (!token)
      throw new Error('there is no bridge token: set CORDON_BRIDGE_TOKEN or put it into the file bridge-token');
    const dead = new AbortController();
    const signal = AbortSignal.any([dead.signal, this.stop.signal]);
    const watchdog = setTimeout(() => dead.abort(new Error('nothing heard from the controller')), this.timing.stale);
    try {
      const { revision, credentialRevision, digest, rollout } = this.receiver.position();
      const query = new URLSearchParams({
        bridge: this.controller.bridge,
        since: String(revision),
        credentials: String(credentialRevision),
        ...(digest ? { digest } : {}),
        ...(rollout ? { rollout } : {}),
      });
      const headers = { authorization: `Bearer ${token}`, accept: 'application/x-ndjson' };
      const answer = await fetch(`${this.controller.url}/api/v1/bridge/feed?${query.toString()}`, { headers, signal });
      if (!answer.ok || !answer.body) throw new Error(`the controller answered ${answer.status} to the feed request`);
      for await (const line of linesOf(answer.body, maxLineLength)) {
        watchdog.refresh();
        if (!this.connected) this.log('info', 'linked to the controller');
        this.connected = true;
        if (line.trim()) this.handle(line);
        onAlive();
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  /**
   * A snapshot that can't be used costs nothing else: the one in force stays, our digest asks for it again with each connection, and devices
   * must go on changing. Anything else that is not understood ends the connection, so that we ask again from where we are: the next message
   * would bring a later revision, and what is missing would never come.
   */
  private handle(line: string): void {
    let isPolicy = false;
    try {
      const json = parseJson(line);
      isPolicy = typeOf(json) === 'snapshot' || typeOf(json) === 'rollout';
      const message = feedMessageSchema.parse(json);
      this.counters.add(`controller.messages.${message.type}`);
      this.receiver.receive(message);
    } catch (error) {
      this.counters.add('controller.messages.refused');
      const problem = reasonOf(error).slice(0, 500);
      if (!isPolicy) throw new Error(`a message of the controller is not understood: ${problem}`, { cause: error });
      this.log('error', 'policy of the controller refused', { problem });
    }
  }
}

const typeOf = (json: unknown): unknown =>
  typeof json === 'object' && json !== null && 'type' in json ? json.type : null;

/** JSON.parse quotes what it could not read, which may be a hash: it must not get into the log. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('a line of the feed is not JSON');
  }
}
