import type { PolicyPlan } from '#plan';
import { weighInThread } from '../forges/weigh-thread.js';
import { Refusal } from '../http/refusal.js';
import type { Log } from '../log.js';
import type { PeriodChange, PolicyPeriodRow } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';
import type { WorkloadStore } from '../workloads/workload-store.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';
import { readFormer } from './read-former.js';

interface Ports {
  readonly store: PolicyStore;
  readonly source: Parameters<typeof readFormer>[0]['source'];
  readonly workloads: Pick<WorkloadStore, 'load'>;
  readonly wakeups: Wakeups;
  readonly log: Log;
}

type Files = ReadonlyMap<string, string>;

const mostClasses = 200;

/**
 * Works out what changed each time that a policy came into force, and notes it in short. It comes after the change, in a thread that waits
 * for everybody else; one that a restart interrupts is worked out then.
 */
export class NotedChanges {
  private tail: Promise<unknown> = Promise.resolve();
  private isAsked = false;
  private isStopped = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly ports: Ports,
    private readonly folder: string,
  ) {}

  start(): void {
    this.stopListening = this.ports.wakeups.on(['snapshot'], () => this.look());
    this.look();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopListening();
    await this.tail;
  }

  /** The whole plan of an entry of the history. Throws a Refusal. */
  async planOf(id: number): Promise<PolicyPlan> {
    const period = await this.ports.store.periods.find(id);
    if (!period) throw new Refusal('not-found', `there is no entry ${id} in the history of the policy`);
    const before = await this.before(period);
    if (!before)
      throw new Refusal(
        'conflict',
        `entry ${id} has nothing to be compared with: nothing is known to have been in force before`,
      );
    return this.enqueue(() => this.weigh(before, period));
  }

  private look(): void {
    if (this.isAsked || this.isStopped) return;
    this.isAsked = true;
    this.enqueue(async () => {
      this.isAsked = false;
      for (let next = await this.nextUnknown(); next; next = await this.nextUnknown()) await this.note(next);
    }).catch((error: unknown) => this.ports.log.error('changes of the policy are not noted', { error: String(error) }));
  }

  private nextUnknown(): Promise<PolicyPeriodRow | null> {
    return this.isStopped ? Promise.resolve(null) : this.ports.store.periods.nextUnknown();
  }

  private async note(period: PolicyPeriodRow): Promise<void> {
    const { periods } = this.ports.store;
    const before = await this.before(period);
    const change = before ? await this.changeBetween(before, period) : { problem: 'nobody knows what was before' };
    await periods.setChange(period.id, change);
  }

  private async changeBetween(before: PolicyPeriodRow, period: PolicyPeriodRow): Promise<PeriodChange> {
    if (before.digest === period.digest) return { opened: 0, closed: 0, places: 0, classes: [] };
    try {
      return inShort(await this.weigh(before, period));
    } catch (error) {
      if (error instanceof Refusal) return { problem: error.message };
      throw error;
    }
  }

  /** What an old entry followed is not stored with it. */
  private async before({ id, follows, scope }: PolicyPeriodRow): Promise<PolicyPeriodRow | null> {
    const { periods } = this.ports.store;
    if (follows !== null) return periods.find(follows);
    const [newest] = await periods.list(1, id);
    return newest?.scope === scope ? newest : null;
  }

  private async weigh(before: PolicyPeriodRow, after: PolicyPeriodRow): Promise<PolicyPlan> {
    const { store, workloads } = this.ports;
    const versions = await store.versionsById([before.version, after.version]);
    const at = new Date(after.since);
    const isSame = before.version === after.version;
    const [from, to] = [
      await this.filesOf(versions.get(before.version)),
      await this.filesOf(versions.get(after.version)),
    ];
    const known = await workloads.load();
    const beforeAt = isSame ? new Date(before.since) : at;
    const weighed = await weighInThread({ before: from, after: to, at, beforeAt, known });
    if (weighed.ok && weighed.value.plan) return weighed.value.plan;
    throw new Refusal('unprocessable', 'this release does not load one of the two policies', [], weighed.diagnostics);
  }

  private async filesOf(version: StoredVersion | undefined): Promise<Files> {
    if (!version) throw new Refusal('unavailable', 'one of the two policies is not stored any more');
    for (const as of ['active', 'staged'] as const) {
      const kept = await this.ports.store.load(as);
      if (kept?.version.id === version.id) return kept.files;
    }
    return readFormer(this.ports, version, this.folder);
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

function inShort({ flows, access }: PolicyPlan): PeriodChange {
  const count = (change: 'opened' | 'closed'): number => flows.filter((flow) => flow.change === change).length;
  const ends = flows.flatMap(({ source, destination }) => [source, destination]);
  const classes = new Set([
    ...ends.flatMap((end) => (end.kind === 'classes' ? end.classes : [])),
    ...access.changes.map(({ class: name }) => name),
  ]);
  return {
    opened: count('opened'),
    closed: count('closed'),
    places: access.changes.length,
    classes: [...classes].sort().slice(0, mostClasses),
  };
}
