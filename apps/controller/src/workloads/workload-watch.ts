import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '#base';
import type { EnforcementTarget, ServiceAddresses, watchCluster } from '#drivers';
import { noAddresses, type AddressSet } from '#net';
import { workloadKey, type KnownWorkloads, type Snapshot, type WorkloadPlace } from '#policy';
import { targetOf } from '../enforcement/target.js';
import type { Log } from '../log.js';
import type { Wakeups } from '../wakeups.js';

interface Policies {
  readonly active: { readonly snapshot: Snapshot } | null;
  readonly staged: { readonly snapshot: Snapshot } | null;
  takeWorkloads(told: KnownWorkloads): Promise<void>;
}

interface Ports {
  readonly policy: Policies;
  readonly wakeups: Wakeups;
  readonly log: Log;
  readonly watchCluster: typeof watchCluster;
  readonly random: () => number;
}

export interface WatchTimes {
  /** A rollout in a cluster changes several services at once. */
  readonly settleMilliseconds: number;
  readonly firstRetryMilliseconds: number;
  readonly lastRetryMilliseconds: number;
}

export const usualTimes: WatchTimes = {
  settleMilliseconds: 1000,
  firstRetryMilliseconds: 500,
  lastRetryMilliseconds: 30_000,
};

type Target = Extract<EnforcementTarget, { readonly kind: 'kubernetes' }>;

/** One namespace of one cluster. */
interface Watch {
  readonly target: Target;
  readonly end: AbortController;
  readonly ended: Promise<void>;
  /** Null: the cluster has not answered yet. */
  services: ServiceAddresses | null;
  /** In a row. */
  faults: number;
}

/**
 * Asks clusters where the services are that the policies name, the one in force and the one that is being rolled out, for as long as they
 * name them. What the addresses do is for the policy loop to say; of a cluster that does not answer it is told nothing, so the last
 * answer holds.
 */
export class WorkloadWatch {
  /** By `CLUSTER/NAMESPACE`. */
  private readonly watches = new Map<string, Watch>();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly ports: Ports,
    private readonly times: WatchTimes = usualTimes,
  ) {}

  start(): void {
    this.stopListening = this.ports.wakeups.on(['snapshot'], () => this.match());
    this.match();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopListening();
    if (this.timer) clearTimeout(this.timer);
    const open = [...this.watches.values()];
    for (const { end } of open) end.abort();
    await Promise.all(open.map(({ ended }) => ended));
  }

  private match(): void {
    const wanted = this.wanted();
    for (const [key, watch] of this.watches) {
      const target = wanted.get(key)?.target;
      if (target && canonicalJson(target) === canonicalJson(watch.target)) continue;
      watch.end.abort();
      this.watches.delete(key);
    }
    for (const [key, { target, namespace }] of wanted)
      if (!this.watches.has(key)) this.watches.set(key, this.open(key, target, namespace));
    // Another policy may name others of the services that are known already.
    this.settle();
  }

  /** Where both policies name a cluster, it is the one of the policy in force. */
  private wanted(): Map<string, { readonly target: Target; readonly namespace: string }> {
    const wanted = new Map<string, { readonly target: Target; readonly namespace: string }>();
    for (const snapshot of this.snapshots()) {
      const points = new Map(snapshot.enforcementPoints.map((point) => [point.name, point]));
      for (const { cluster, namespace } of placesIn(snapshot)) {
        const target = points.has(cluster) ? targetOf(points.get(cluster)!) : null;
        const key = `${cluster}/${namespace}`;
        if (target?.kind === 'kubernetes' && !wanted.has(key)) wanted.set(key, { target, namespace });
      }
    }
    return wanted;
  }

  private snapshots(): Snapshot[] {
    const { active, staged } = this.ports.policy;
    return [active, staged].flatMap((policy) => policy?.snapshot ?? []);
  }

  private open(key: string, target: Target, namespace: string): Watch {
    const end = new AbortController();
    const told = {
      onServices: (services: ServiceAddresses): void => {
        if (watch.faults > 0) this.ports.log.info('cluster answers again', { services: key });
        Object.assign(watch, { services, faults: 0 });
        this.settle();
      },
      onFault: (fault: unknown): void => {
        if (++watch.faults === 1)
          this.ports.log.warn('cluster can not be watched', { services: key, error: String(fault) });
      },
      pause: (signal: AbortSignal) => this.pause(watch.faults, signal),
    };
    const ended = this.ports
      .watchCluster(target, namespace, told, end.signal)
      .catch((error: unknown) =>
        this.ports.log.error('watch of a cluster failed', { services: key, error: String(error) }),
      );
    const watch: Watch = { target, end, ended, services: null, faults: 0 };
    return watch;
  }

  private async pause(faults: number, signal: AbortSignal): Promise<void> {
    const { firstRetryMilliseconds, lastRetryMilliseconds } = this.times;
    const longest = Math.min(firstRetryMilliseconds * 2 ** (faults - 1), lastRetryMilliseconds);
    await sleep(longest * (0.5 + this.ports.random() / 2), undefined, { signal }).catch(() => undefined);
  }

  /** Told a moment after the first of several changes. */
  private settle(): void {
    if (this.timer || this.isStopped) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.ports.policy
        .takeWorkloads(this.told())
        .catch((error: unknown) => this.ports.log.error('services were not taken', { error: String(error) }));
    }, this.times.settleMilliseconds);
  }

  /** A service that its cluster does not have is told as one without an address. */
  private told(): KnownWorkloads {
    const told = new Map<string, AddressSet>();
    for (const snapshot of this.snapshots())
      for (const place of placesIn(snapshot)) {
        const { cluster, namespace, service } = place;
        const services = this.watches.get(`${cluster}/${namespace}`)?.services;
        if (services) told.set(workloadKey(place), services.get(`${namespace}/${service}`) ?? noAddresses);
      }
    return told;
  }
}

const placesIn = ({ endpoints }: Snapshot): WorkloadPlace[] => endpoints.flatMap(({ kubernetes }) => kubernetes ?? []);
