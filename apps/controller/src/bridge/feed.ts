import type { ServerResponse } from 'node:http';
import { LiveResponses, type LiveResponse } from '../http/live-response.js';
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
  private readonly open: LiveResponses;

  constructor(
    private readonly database: Database,
    private readonly policy: { readonly active: ActivePolicy | null },
    wakeups: Wakeups,
  ) {
    this.open = new LiveResponses(wakeups, ['snapshot', 'devices', 'credentials']);
  }

  get connections(): number {
    return this.open.size;
  }

  /** Resolves when the bridge is gone. */
  serve(response: ServerResponse, start: FeedStart): Promise<void> {
    return this.open.serve(response, (live) => new FeedConnection(live, start, this.database, this.policy).run());
  }

  close(): void {
    this.open.close();
  }
}

class FeedConnection {
  /** Revisions up to which the bridge has each table. */
  private readonly position: { devices: number; credentials: number };
  private digest: string | null;

  constructor(
    private readonly live: LiveResponse,
    start: FeedStart,
    private readonly database: Database,
    private readonly policy: { readonly active: ActivePolicy | null },
  ) {
    this.position = { devices: start.devices, credentials: start.credentials };
    this.digest = start.digest;
  }

  async run(): Promise<void> {
    const { live } = this;
    live.writeHead({ 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    await live.send('{"type":"ping"}\n');
    while (!live.isOver) {
      live.looking();
      await this.sendNews();
      if (!(await live.untilWoken(pingMilliseconds))) await live.send('{"type":"ping"}\n');
    }
    live.finish();
  }

  private async sendNews(): Promise<void> {
    const active = this.policy.active;
    if (active && active.snapshot.digest !== this.digest) {
      await this.live.send(active.feedLine);
      this.digest = active.snapshot.digest;
    }
    this.position.devices = await this.sendTable(deviceStream, this.position.devices);
    this.position.credentials = await this.sendTable(credentialStream, this.position.credentials);
  }

  /** Resolves to the revision up to which the bridge has the table then. */
  private async sendTable<Change>(stream: FeedStream<Change>, since: number): Promise<number> {
    for (let revision = since; ;) {
      const batch = this.live.isOver ? null : await nextBatch(this.database, stream, revision);
      if (!batch) return revision;
      await this.live.send(`${JSON.stringify(batch.message)}\n`);
      revision = batch.revision;
    }
  }
}
