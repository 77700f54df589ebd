import type { ServerResponse } from 'node:http';
import { LiveResponses, type LiveResponse } from '../http/live-response.js';
import type { FeedMessage, Orders, SessionElsewhere } from '#model';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { StagedFeed } from '../rollouts/rollout-loop.js';
import type { Database } from '../store/database.js';
import type { Turns } from '../turns.js';
import type { Wakeups } from '../wakeups.js';
import { offersTo, type Offer } from './handovers.js';
import { credentialStream, deviceStream, nextBatch, type FeedStream } from './feed-streams.js';

export interface FeedStart {
  /** Null: an older release does not say, and hears nothing of other bridges. */
  readonly bridge: string | null;
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
const elsewhereAtOnce = 200;

/** Tells bridges the snapshot, the device index and credentials, and each change at once. Never more than one batch ahead of the socket. */
export class BridgeFeed {
  private readonly open: LiveResponses;
  private readonly feeds = new Set<FeedConnection>();

  constructor(
    private readonly database: Database,
    private readonly sources: Sources,
    wakeups: Wakeups,
    private readonly turns: Turns,
  ) {
    this.open = new LiveResponses(wakeups, ['snapshot', 'rollout', 'orders', 'devices', 'credentials']);
  }

  get connections(): number {
    return this.open.size;
  }

  /** Names of bridges that listen now. */
  get listening(): ReadonlySet<string> {
    return new Set([...this.feeds].flatMap(({ bridge }) => bridge ?? []));
  }

  /** Resolves when the bridge is gone. */
  serve(response: ServerResponse, start: FeedStart): Promise<void> {
    return this.open.serve(response, async (live) => {
      const connection = new FeedConnection(live, start, this.database, this.sources, this.turns);
      this.feeds.add(connection);
      try {
        await connection.run();
      } finally {
        this.feeds.delete(connection);
      }
    });
  }

  /** Bridges that are away read it when they come back. */
  offer(offers: readonly Offer[]): void {
    if (offers.length > 0) for (const feed of this.feeds) feed.offer(offers);
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
  /** By id. */
  private readonly elsewhere = new Map<string, SessionElsewhere>();

  constructor(
    private readonly live: LiveResponse,
    private readonly start: FeedStart,
    private readonly database: Database,
    private readonly sources: Sources,
    private readonly turns: Turns,
  ) {
    this.position = { devices: start.devices, credentials: start.credentials };
    this.digest = start.digest;
    this.rollout = start.rollout;
  }

  get bridge(): string | null {
    return this.start.bridge;
  }

  async run(): Promise<void> {
    const { live } = this;
    live.writeHead({ 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    await live.send('{"type":"ping"}\n');
    await this.readElsewhere();
    while (!live.isOver) {
      live.looking();
      const end = this.turns.urgent();
      await this.sendNews().finally(end);
      if (!(await live.untilWoken(pingMilliseconds))) await live.send('{"type":"ping"}\n');
    }
    live.finish();
  }

  offer(offers: readonly Offer[]): void {
    const ours = offers.filter(({ to }) => to === this.start.bridge);
    for (const { elsewhere } of ours) this.elsewhere.set(elsewhere.session.id, elsewhere);
    if (ours.length > 0) this.live.wake();
  }

  private async readElsewhere(): Promise<void> {
    const { bridge } = this.start;
    if (bridge === null) return;
    const known = await this.database.read((db) => offersTo(db, bridge));
    for (const one of known) if (!this.elsewhere.has(one.session.id)) this.elsewhere.set(one.session.id, one);
  }

  private async sendElsewhere(): Promise<void> {
    while (this.elsewhere.size > 0 && !this.live.isOver) {
      const sessions = [...this.elsewhere.values()].slice(0, elsewhereAtOnce);
      for (const { session } of sessions) this.elsewhere.delete(session.id);
      await this.live.send(`${JSON.stringify({ type: 'elsewhere', sessions } satisfies FeedMessage)}\n`);
    }
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
    await this.sendElsewhere();
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
