import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { DeviceChange } from '#model';
import { MoreThan } from 'typeorm';
import type { ActivePolicy } from '../policy/policy-loop.js';
import { currentRevision, startRevision } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { devices, tombstones } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';

export interface FeedStart {
  /** Revision up to which the bridge has the device index; 0: nothing. */
  readonly since: number;
  /** Digest of the snapshot that it has. */
  readonly digest: string | null;
}

export interface DeviceBatch {
  readonly reset: boolean;
  readonly revision: number;
  readonly devices: readonly DeviceChange[];
}

export const batchSize = 1000;
const pingMilliseconds = 5000;

/**
 * What a bridge must still hear of the device index, at most `batchSize` rows; null when it has all. A number that this
 * database never gave out (another data folder, a restored backup) starts the index afresh.
 */
export function nextDeviceBatch(database: Database, since: number): Promise<DeviceBatch | null> {
  return database.read(async (db) => {
    const [first, last] = [await startRevision(db), await currentRevision(db)];
    const reset = since < first || since > last;
    const from = reset ? first : since;
    const page = { where: { revision: MoreThan(from) }, order: { revision: 'ASC' }, take: batchSize } as const;
    const changed = await db.find(devices, {
      ...page,
      select: { mac: true, class: true, posture: true, revision: true },
    });
    const gone = reset ? [] : await db.find(tombstones, page);
    const rows = [
      ...changed.map(({ mac, class: name, posture, revision }) => ({
        revision,
        change: { mac, class: name, posture },
      })),
      ...gone.map(({ mac, revision }) => ({ revision, change: { mac, deleted: true as const } })),
    ]
      .sort((a, b) => a.revision - b.revision)
      .slice(0, batchSize);
    if (rows.length === 0 && !reset) return null;
    // A batch that is not full holds all there is, also numbers whose device was changed again or deleted since.
    const revision = rows.length < batchSize ? last : rows.at(-1)!.revision;
    return { reset, revision, devices: rows.map(({ change }) => change) };
  });
}

/** Tells bridges the snapshot and the device index, and each change at once. Never more than one batch ahead of the socket. */
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
    const stop = this.wakeups.on(['snapshot', 'devices'], () => connection.wake());
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
  private revision: number;
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
    this.revision = start.since;
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
    for (;;) {
      const batch = this.isOver ? null : await nextDeviceBatch(this.database, this.revision);
      if (!batch) return;
      await this.send(`${JSON.stringify({ type: 'devices', ...batch })}\n`);
      this.revision = batch.revision;
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
