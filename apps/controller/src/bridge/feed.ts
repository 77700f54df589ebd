import type { ServerResponse } from 'node:http';
import { LiveResponses, type LiveResponse } from '../http/live-response.js';
import type { FeedMessage, Orders } from '#model';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { StagedFeed } from '../rollouts/rollout-loop.js';
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
  /** Version of the rollout that it has. */
  readonly rollout: string | null;
}

interface Sources {
  readonly policy: { readonly active: ActivePolicy | null };
  readonly rollouts: { readonly feed: StagedFeed | null };
  readonly orders: { readonly current: Orders };
}

const pingMilliseconds = 5000;

/** Tells bridges the snapshot, the device index and credentials, and each change at once. Never more than one batch ahead of the socket. */
export class BridgeFeed {
  private readonly open: LiveResponses;

  constructor(
    private readonly database: Database,
    private readonly sources: Sources,
    wakeups: Wakeups,
  ) {
    this.open = new LiveResponses(wakeups, ['snapshot', 'rollout', 'orders', 'devices', 'credentials']);
  }

  get connections(): number {
    return this.open.size;
  }

  /** Resolves when the bridge is gone. */
  serve(response: ServerResponse, start: FeedStart): Promise<void> {
    return this.open.serve(response, (live) => new FeedConnection(live, start, this.database, this.sources).run());
  }

  close(): void {
    this.open.close();
  }
}

class FeedConnection {
  /** Revisions up to which the bridge has each table. */
  private readonly position: { devices: number; credentials: number };
  private digest: string | null;
  private rollout: string | null;
  private orders: Orders | null = null;

  constructor(
    private readonly live: LiveResponse,
    start: FeedStart,
    private readonly database: Database,
    private readonly sources: Sources,
  ) {
    this.position = { devices: start.devices, credentials: start.credentials };
    this.digest = start.digest;
    this.rollout = start.rollout;
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
    // Of one moment: a policy that came into force is not rolled out any more.
    const { active } = this.sources.policy;
    const { feed } = this.sources.rollouts;
    if (active && active.snapshot.digest !== this.digest) {
      await this.live.send(active.feedLine);
      this.digest = active.snapshot.digest;
    }
    const version = feed?.version ?? null;
    if (version !== this.rollout) {
      await this.live.send(rolloutLine(feed));
      this.rollout = version;
    }
    const { current } = this.sources.orders;
    if (current !== this.orders) {
      await this.live.send(`${JSON.stringify({ type: 'orders', orders: current } satisfies FeedMessage)}\n`);
      this.orders = current;
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

/** The snapshot is text already: a large one is not put together again for each bridge. */
function rolloutLine(feed: StagedFeed | null): string {
  if (!feed) return '{"type":"rollout","rollout":null}\n';
  const { encoded, ...rest } = feed;
  return `{"type":"rollout","rollout":{"snapshot":${encoded},${JSON.stringify(rest).slice(1)}}\n`;
}
