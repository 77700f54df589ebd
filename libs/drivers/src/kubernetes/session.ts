import { compareText } from '#base';
import type { Connection } from '#model';
import { RemoteFault, TerminalFault, type ChangePlan, type EnforcementSession, type RuleCounter } from '../driver.js';
import * as names from './names.js';
import { isPolicy, keyOf, type ClusterText, type NetworkPolicy, type Service } from './objects.js';
import { formatText } from './render.js';
import { orderChanges, serviceOf, type Change } from './order.js';
import { problemOf } from './service-problem.js';

/** One object of ours as the API server has it now. */
export interface StoredPolicy {
  readonly policy: NetworkPolicy;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What became of a service, for those who look at it with `kubectl describe`. */
export interface ServiceEvent {
  readonly service: Service;
  readonly isWarning: boolean;
  readonly reason: string;
  readonly message: string;
}

/** An API server, in the namespaces of this point. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface Cluster {
  /** Policies that carry our label; services all of them. */
  list(): Promise<{ readonly policies: readonly StoredPolicy[]; readonly services: readonly Service[] }>;
  /** Refused when an object of that name is there. */
  create(policy: NetworkPolicy): Promise<void>;
  /** Makes an object of ours exactly this, whoever else wrote to it. Refused when it is another one than was listed. */
  replace(policy: NetworkPolicy, stored: StoredPolicy): Promise<void>;
  remove(stored: StoredPolicy): Promise<void>;
  tell(event: ServiceEvent): Promise<void>;
  close(): Promise<void>;
}

/**
 * Brings objects to a cluster one by one, for there is no other way. Puts the selector of each service in, as the cluster has it at
 * that moment. Remembers what an unconfirmed change replaced. Does not decide when to roll back (libs/reconcile does).
 */
export class KubernetesSession implements EnforcementSession {
  /** What stood there before the unconfirmed change. */
  private before: readonly NetworkPolicy[] | null = null;
  /** Events that `confirm` sends. */
  private news: readonly ServiceEvent[] = [];
  /** What was last told about each service: a state is told once, however often it is found. */
  private readonly told = new Map<string, string>();

  constructor(private readonly cluster: Cluster) {}

  async read(): Promise<string | null> {
    const { policies, services } = await this.cluster.list();
    if (policies.length === 0) return null;
    const named = new Set(policies.map(({ policy }) => serviceOf(policy)));
    const items = [...services.filter((service) => named.has(keyOf(service))), ...policies.map(({ policy }) => policy)];
    return formatText({ items: items.sort((a, b) => compareText(a.kind + keyOf(a), b.kind + keyOf(b))) });
  }

  async apply({ kind, commands }: ChangePlan): Promise<void> {
    if (kind === 'none') return;
    const { items, remove } = JSON.parse(commands) as ClusterText;
    const { policies: stored, services } = await this.cluster.list();
    this.before = stored.map(({ policy }) => policy);
    const { ready, refused } = meetServices(items.filter(isPolicy), services);
    // What a service that is not as it should be has of ours stays until it is.
    const stands = ({ policy }: StoredPolicy): boolean =>
      remove ? !remove.includes(keyOf(policy)) : refused.has(serviceOf(policy));
    const changes = orderChanges(ready, stored, stands);
    await this.execute(changes);
    if (kind === 'rules') this.news = newsOf(ready, services);
    if (refused.size > 0) await this.refuse([...refused.values()]);
  }

  async confirm(): Promise<void> {
    this.before = null;
    const { news } = this;
    this.news = [];
    for (const event of news) await this.tellOnce(event);
  }

  async rollback(): Promise<void> {
    if (!this.before) return;
    this.news = [];
    const { policies: stored } = await this.cluster.list();
    await this.execute(orderChanges(this.before, stored, () => false));
    this.before = null;
  }

  counters(): Promise<readonly RuleCounter[]> {
    return Promise.resolve([]);
  }

  connections(): Promise<readonly Connection[]> {
    return Promise.resolve([]);
  }

  cut(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  private async execute(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if (change.kind === 'create') await this.cluster.create(change.policy);
      else if (change.kind === 'replace') await this.cluster.replace(change.policy, change.stored);
      else await this.cluster.remove(change.stored);
    }
  }

  /** What could be brought stays: one service that is not as it should be must not take the others' rules away. */
  private async refuse(problems: readonly Refusal[]): Promise<never> {
    await this.confirm();
    for (const { service, why } of problems)
      if (service)
        await this.tellOnce({
          service,
          isWarning: true,
          reason: 'PolicyNotApplied',
          message: `policy can't be enforced: ${why}`,
        });
    const text = problems.map(({ key, why }) => `service \`${key}\`: ${why}`).join('; ');
    // One that is not there may come; all else a person must put right.
    throw problems.every(({ service }) => service === null) ? new RemoteFault(text) : new TerminalFault(text);
  }

  private async tellOnce(event: ServiceEvent): Promise<void> {
    const key = keyOf(event.service);
    if (this.told.get(key) === event.message) return;
    await this.cluster.tell(event);
    this.told.set(key, event.message);
  }
}

interface Refusal {
  readonly key: string;
  /** Null: it is not there. */
  readonly service: Service | null;
  readonly why: string;
}

/** The policies with the pods of their services in place of the stand-ins, and the services for which that can't be. */
function meetServices(
  policies: readonly NetworkPolicy[],
  services: readonly Service[],
): { ready: readonly NetworkPolicy[]; refused: ReadonlyMap<string, Refusal> } {
  const known = new Map(services.map((service) => [keyOf(service), service]));
  const asked = [...new Set(policies.map(serviceOf))].flatMap((key) => known.get(key) ?? []);
  const refused = new Map<string, Refusal>();
  const ready = policies.flatMap((policy) => {
    const key = serviceOf(policy);
    const service = known.get(key) ?? null;
    const why = service ? (problemOf(service) ?? sharedPods(service, asked)) : 'it is not in the cluster';
    if (!service || why !== null) {
      refused.set(key, { key, service, why: why ?? '' });
      return [];
    }
    return [{ ...policy, spec: { ...policy.spec, podSelector: { matchLabels: service.spec.selector ?? {} } } }];
  });
  return { ready, refused };
}

/** Pods that have the labels of two services would have the permissions of both. */
function sharedPods(service: Service, asked: readonly Service[]): string | null {
  const labelsOf = ({ spec }: Service): Set<string> =>
    new Set(Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`));
  const own = labelsOf(service);
  const other = asked.find((each) => {
    if (each === service || each.metadata.namespace !== service.metadata.namespace) return false;
    const labels = labelsOf(each);
    return labels.isSubsetOf(own) || own.isSubsetOf(labels);
  });
  return other ? `it has pods in common with service \`${keyOf(other)}\`, and their rules would add up` : null;
}

function newsOf(policies: readonly NetworkPolicy[], services: readonly Service[]): ServiceEvent[] {
  return services.flatMap((service) => {
    const own = policies.filter((policy) => serviceOf(policy) === keyOf(service));
    const base = own.find(({ metadata }) => metadata.annotations[names.rulesKey] !== undefined);
    if (!base) return [];
    const { [names.rulesKey]: rules, [names.linesKey]: lines = '' } = base.metadata.annotations;
    const count = lines === '' ? 0 : lines.split(',').length;
    const message = `rules ${rules} of ${count} policy lines are in force`;
    return [{ service, isWarning: false, reason: 'PolicyApplied', message }];
  });
}
