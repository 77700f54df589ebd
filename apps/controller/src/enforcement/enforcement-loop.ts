import { canonicalJson, type Clock } from '#base';
import { RemoteFault, type Driver, type DriverOptions, type EnforcementTarget } from '#drivers';
import { AddressMap } from '#net';
import type { EnforcementPointEntry } from '#policy';
import { Reconciler } from '#reconcile';
import type { Log } from '../log.js';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { LiveSessions } from '../sessions/live-sessions.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import type { Wakeups } from '../wakeups.js';
import { describeCounters, type PointCounters } from './describe-counters.js';
import type { EnforcedPolicy } from './generations.js';
import type { DropCounts } from './drop-counts.js';
import { desiredState, type AddressRole, type DesiredState } from './membership.js';
import { EnforcementPoint, type PointState } from './enforcement-point.js';
import { RuleCountStore } from './rule-count-store.js';
import { RuleCounts } from './rule-counts.js';

interface Ports {
  readonly policy: { readonly active: ActivePolicy | null; readonly enforced: EnforcedPolicy | null };
  readonly sessions: Pick<LiveSessions, 'all'>;
  readonly database: Database;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: Log;
  readonly drops: DropCounts;
  readonly driverNamed: (name: string, options: DriverOptions) => Driver | null;
}

/**
 * Keeps every enforcement point of the policy in force at its desired state: at once when something changed, and every few
 * seconds to find drift. A point that the policy no longer names is left as it is:
 * taking its rules away would open what they closed.
 */
export class EnforcementLoop {
  private readonly points = new Map<string, EnforcementPoint>();
  private readonly reconciler: Reconciler<string>;
  /** Points that can't even be tried. */
  private readonly broken = new Map<string, PointState>();
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly ports: Ports,
    private readonly resyncSeconds: number,
  ) {
    this.reconciler = new Reconciler<string>({
      run: (name) => this.pass(name),
      // What a device can't do now it may do after a repair by hand, so everything is tried again, if seldom.
      isRetryable: () => true,
      clock: ports.clock,
      startTimer: (milliseconds, fire) => {
        const timer = setTimeout(fire, milliseconds);
        return () => clearTimeout(timer);
      },
      random: Math.random,
      firstRetryMilliseconds: 500,
      // What is away may be back any moment, with nothing of ours in force. What says no will hardly say yes so soon.
      lastRetryMilliseconds: (error) => (error instanceof RemoteFault ? 2_000 : 30_000),
      resyncMilliseconds: resyncSeconds * 1000,
      onChange: (point, { phase, failures, lastError }) => {
        if (phase === 'failed' && failures === 1)
          ports.log.warn('enforcement point failed', { point, error: String(lastError?.error) });
      },
    });
  }

  start(): void {
    const stops = [
      this.ports.wakeups.on(['snapshot', 'rollout'], () => this.matchPolicy()),
      this.ports.wakeups.on(['orders', 'devices', 'sessions'], () => this.wakeAll()),
    ];
    this.stopListening = () => stops.forEach((stop) => stop());
    this.matchPolicy();
  }

  async stop(): Promise<void> {
    this.stopListening();
    await this.reconciler.stop();
    await Promise.allSettled([...this.points.values()].map((point) => point.close()));
  }

  states(): PointState[] {
    const states = [...[...this.points.values()].map(({ state }) => state), ...this.broken.values()];
    return states.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What devices count as at a point; null when there is none of that name. */
  rolesAt(name: string): AddressMap<AddressRole> | null {
    const point = this.points.get(name);
    if (point) return point.roles;
    return this.broken.has(name) ? new AddressMap() : null;
  }

  /** Of every point that is asked at all. */
  counters(): PointCounters[] {
    const snapshot = this.ports.policy.active?.snapshot ?? null;
    return [...this.points].map(([name, { counts }]) => describeCounters(name, counts, snapshot));
  }

  /** Looks at one point now; null when there is none of that name. */
  async sync(name: string): Promise<PointState | null> {
    const point = this.points.get(name);
    if (point) {
      const pass = point.nextPass();
      this.reconciler.trigger(name);
      await pass;
    }
    return this.states().find((state) => state.name === name) ?? null;
  }

  private async pass(name: string): Promise<void> {
    const point = this.points.get(name);
    await point?.pass();
    if (!point?.counts.readAt) return;
    const denied = point.counts.list().find(({ id }) => id === 'denied');
    const { site } = point.entry;
    if (denied) this.ports.drops.set(name, { ...denied, site, at: point.counts.readAt });
  }

  private wakeAll(): void {
    for (const name of this.points.keys()) this.reconciler.trigger(name);
  }

  private matchPolicy(): void {
    const entries = this.ports.policy.active?.snapshot.enforcementPoints ?? [];
    const wanted = new Map(entries.map((entry) => [entry.name, entry]));
    for (const [name, point] of this.points) {
      const entry = wanted.get(name);
      if (entry && canonicalJson(entry) === canonicalJson(point.entry)) continue;
      this.points.delete(name);
      this.ports.drops.forget(name);
      this.reconciler.forget(name);
      point
        .close()
        .catch((error: unknown) => this.ports.log.warn('closing failed', { point: name, error: String(error) }));
    }
    this.broken.clear();
    for (const entry of wanted.values()) if (!this.points.has(entry.name)) this.open(entry);
    this.wakeAll();
  }

  private open(entry: EnforcementPointEntry): void {
    const { driverNamed, clock, log, database } = this.ports;
    const { name, site } = entry;
    try {
      const driver = driverNamed(entry.driver, entry.options);
      if (!driver) throw new Error(`there is no driver \`${entry.driver}\``);
      const session = driver.connect(targetOf(entry));
      const audit = (entries: Parameters<typeof recordAudit>[2]) =>
        database.transaction((tx) => recordAudit(tx, clock.now(), entries));
      const loadGoal = () => this.loadGoal(entry);
      const counts = new RuleCounts(name, new RuleCountStore(database), clock);
      const lookSeconds = this.resyncSeconds;
      const wake = () => this.reconciler.trigger(name);
      const ports = { driver, session, loadGoal, audit, clock, lookSeconds, counts, wake };
      this.points.set(name, new EnforcementPoint(entry, ports));
    } catch (error) {
      const lastError = {
        at: clock.now().toISOString(),
        message: error instanceof Error ? error.message : String(error),
      };
      const nothing = { lastSuccess: null, lastDrift: null, rulesDigest: null, members: 0 };
      this.broken.set(name, { name, driver: entry.driver, site, state: 'failed', lastError, ...nothing });
      log.error('enforcement point failed', { point: name, error: lastError.message });
    }
  }

  private async loadGoal({ site }: EnforcementPointEntry): Promise<DesiredState | null> {
    const sessions = await this.ports.sessions.all();
    const { enforced } = this.ports.policy;
    return enforced && desiredState(enforced, site, sessions);
  }
}

function targetOf({ name, transport }: EnforcementPointEntry): EnforcementTarget {
  if (transport.kind === 'simulated') return { kind: 'simulated', name };
  if (transport.kind === 'ssh') {
    const { identity, ...rest } = transport;
    return { ...rest, identityFile: pathOf(identity) };
  }
  if (transport.kind === 'ovsdb') {
    const { tls = null, ...rest } = transport;
    const files = tls && {
      certificate: pathOf(tls.certificate),
      key: pathOf(tls.key),
      authority: pathOf(tls.authority),
    };
    return { ...rest, tls: files };
  }
  if (transport.kind === 'kubernetes') {
    const { kubeconfig, context = null } = transport;
    return { kind: 'kubernetes', kubeconfig: kubeconfig === 'in-cluster' ? null : pathOf(kubeconfig), context };
  }
  return transport;
}

const pathOf = (reference: string): string => reference.replace(/^file:/, '');
