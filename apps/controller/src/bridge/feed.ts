import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { Database } from '../store/database.js';
import type { Wakeups } from '../wakeups.js';
import { credentialStream, deviceStream, nextBatch, type FeedStream } from './feed-streams.js';

export interface FeedStart {
  /** Revision up to which the bridge has the device index; 0: nothing. */
  readonly devices: number;
  /** The same of credentials. */
  readonly credentials: number;
  /** Digest of the snapshot that it has. */
  readonly digest: string | null;
}

const pingMilliseconds = 5000;

/** Tells bridges the snapshot, the device index and credentials, and each change at once. Never more than one batch ahead of the socket. */
export class BridgeFeed {
  private readonly open = new Set<FeedConnection>();

  constructor(
    private readonly database: Database,
    private readonly policy: { readonly active: ActivePolicy | null },
    private readonly wakeups: Wakeups,
  ) {}

  get connections(): number {
    return this.open.size;
  }

  /** Resolves when the bridge is gone. */
  async serve(response: ServerResponse, start: FeedStart): Promise<void> {
    const connection = new FeedConnection(response, start, this.database, this.policy);
    const stop = this.wakeups.on(['snapshot', 'devices', 'credentials'], () => connection.wake());
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

class FeedConnection {
  /** Revisions up to which the bridge has each table. */
  private readonly position: { devices: number; credentials: number };
  private digest: string | null;
  private isOver = false;
  private isDirty = true;
  private interrupt: () => void = () => undefined;

  constructor(
    private readonly response: ServerResponse,
    start: FeedStart,
    private readonly database: Database,
    private readonly policy: { readonly active: ActivePolicy | null },
  ) {
    this.position = { devices: start.devices, credentials: start.credentials };
    this.digest = start.digest;
    response.once('close', () => this.end());
    response.once('error', () => this.end());
  }

  async run(): Promise<void> {
    this.response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    await this.send('{"type":"ping"}\n');
    while (!this.isOver) {
      this.isDirty = false;
      await this.sendNews();
      if (!this.isDirty && !this.isOver && !(await this.pause())) await this.send('{"type":"ping"}\n');
    }
    this.response.end();
  }

  wake(): void {
    this.isDirty = true;
    this.interrupt();
  }

  end(): void {
    this.isOver = true;
    this.interrupt();
  }

  private async sendNews(): Promise<void> {
    const active = this.policy.active;
    if (active && active.snapshot.digest !== this.digest) {
      await this.send(active.feedLine);
      this.digest = active.snapshot.digest;
    }
    this.position.devices = await this.sendTable(deviceStream, this.position.devices);
    this.position.credentials = await this.sendTable(credentialStream, this.position.credentials);
  }

  /** Resolves to the revision up to which the bridge has the table then. */
  private async sendTable<Change>(stream: FeedStream<Change>, since: number): Promise<number> {
    for (let revision = since; ;) {
      const batch = this.isOver ? null : await nextBatch(this.database, stream, revision);
      if (!batch) return revision;
      await this.send(`${JSON.stringify(batch.message)}\n`);
      revision = batch.revision;
    }
  }

  /** Writes, and waits while the bridge doesn't keep up. */
  private async send(line: string): Promise<void> {
    if (this.isOver || this.response.write(line)) return;
    const gone = new AbortController();
    const interrupt = this.interrupt;
    this.interrupt = () => this.isOver && gone.abort();
    await once(this.response, 'drain', { signal: gone.signal }).catch(() => undefined);
    this.interrupt = interrupt;
  }

  /** True when woken, false when it is time for a ping. */
  private pause(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.finishPause(resolve, false), pingMilliseconds);
      this.interrupt = () => {
        clearTimeout(timer);
        this.finishPause(resolve, true);
      };
    });
  }

  private finishPause(resolve: (woken: boolean) => void, woken: boolean): void {
    this.interrupt = () => undefined;
    resolve(woken);
  }
}
