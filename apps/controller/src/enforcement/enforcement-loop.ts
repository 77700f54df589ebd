import { canonicalJson, sha256, type Clock } from '#base';
import { driverNamed, RemoteFault } from '#drivers';
import { AddressMap, type Address } from '#net';
import { partsOf, type EnforcementPointEntry } from '#policy';
import { Reconciler } from '#reconcile';
import type { Candidate } from '../candidates/candidate-loop.js';
import { withCandidate } from '../candidates/watched-rules.js';
import type { Log } from '../log.js';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { LiveSessions } from '../sessions/live-sessions.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import type { Turns } from '../turns.js';
import type { Wakeups } from '../wakeups.js';
import { enqueueEvents } from '../webhooks/outbox.js';
import { forgetPoint, tellPoint, type PointReport } from '../webhooks/subjects.js';
import { describeCounters, type PointCounters } from './describe-counters.js';
import type { EnforcedPolicy } from './generations.js';
import type { DropCounts } from './drop-counts.js';
import { goalOf } from './goal.js';
import { KeptLists } from './kept-lists.js';
import { prepareState, sitesSeenAt, type DesiredState } from './membership.js';
import type { AddressRole } from './site-members.js';
import { EnforcementPoint, noRulesRead, type PointPorts, type PointState } from './enforcement-point.js';
import { forgetful, LeftRulesStore } from './left-rules-store.js';
import { PointThread } from './point-thread.js';
import { RuleCountStore } from './rule-count-store.js';
import { RuleCounts } from './rule-counts.js';
import { targetOf } from './target.js';

/** Whether a point tells of what passes and the candidate would drop. */
export interface PointWatch {
  readonly point: string;
  /** Why it does not; null: it does. */
  readonly why: string | null;
}

interface Ports {
  readonly candidate: { readonly active: Candidate | null };
  readonly policy: { readonly active: ActivePolicy | null; readonly enforced: EnforcedPolicy | null };
  readonly sessions: Pick<LiveSessions, 'all' | 'sitesOfChangedDevices'>;
  readonly database: Database;
  readonly wakeups: Wakeups;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
  readonly drops: DropCounts;
}

const restMilliseconds = 250;

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
  private readonly thread: PointThread;
  private rest: NodeJS.Timeout | null = null;
  private isChangedMeanwhile = false;
  private stopListening: () => void = () => undefined;
  private readonly lists: KeptLists;
  private readonly left: LeftRulesStore;
  /** Point → why it does not watch the candidate. */
  private readonly watches = new Map<string, string | null>();

  constructor(
    private readonly ports: Ports,
    private readonly resyncSeconds: number,
    /** The release: another one may write the same rules in another way. */
    private readonly release: string,
  ) {
    this.lists = new KeptLists(ports.database);
    this.left = new LeftRulesStore(ports.database);
    this.thread = new PointThread((error) =>
      ports.log.error('the thread that works at enforcement points has ended, and is started again', {
        error: String(error),
      }),
    );
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
      this.ports.wakeups.on(['candidate'], () => this.wakeAll()),
      this.ports.wakeups.on(['orders'], () => this.wakeAll(followsSessions)),
      this.ports.wakeups.on(['devices'], () => this.devicesChanged()),
      this.ports.wakeups.on(['sessions'], () => this.sessionsChanged()),
    ];
    this.stopListening = () => stops.forEach((stop) => stop());
    this.matchPolicy();
  }

  async stop(): Promise<void> {
    this.stopListening();
    if (this.rest) clearTimeout(this.rest);
    await this.reconciler.stop();
    await Promise.allSettled([...this.points.values()].map((point) => point.close()));
    await this.thread.close();
    await this.left.settled();
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

  /** What a device at an address counts as, by that point, or else by any. */
  classAt(name: string, address: Address): string | null {
    const own = this.points.get(name)?.roles.get(address);
    if (own) return own.class;
    for (const { roles } of this.points.values()) {
      const role = roles.get(address);
      if (role) return role.class;
    }
    return null;
  }

  /** Of every point, whether it watches the candidate. */
  watching(): PointWatch[] {
    return this.states().map(({ name, state }) => {
      const why = this.watches.get(name);
      if (why !== null && why !== undefined) return { point: name, why };
      return { point: name, why: why === null && state === 'in-sync' ? null : `it is not in sync: ${state}` };
    });
  }

  /** Port → VLAN as a point read it back from a switch; null where no point does, or it is not known now. */
  portsReadAt(nas: string): ReadonlyMap<string, number> | null {
    for (const { entry, portsRead } of this.points.values()) if (entry.nas === nas && portsRead) return portsRead;
    return null;
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

  private wakeAll(which: (point: EnforcementPointEntry) => boolean = () => true): void {
    for (const [name, { entry }] of this.points) if (which(entry)) this.reconciler.trigger(name);
  }

  /** At once, and only where such a device is: a quarantine is not for the other firewalls. */
  private devicesChanged(): void {
    this.ports.sessions.sitesOfChangedDevices().then(
      (changed) => {
        const { enforced } = this.ports.policy;
        if (changed.size === 0 || !enforced) return;
        this.wakeAll((entry) => followsSessions(entry) && !sitesSeenAt(enforced, entry.site).isDisjointFrom(changed));
      },
      (error: unknown) => {
        this.ports.log.error('changed devices are not known', { error: String(error) });
        this.wakeAll(followsSessions);
      },
    );
  }

  /** At once after a quiet time. While a policy reaches switches, sessions change all the time: then all points are not asked for each of them. */
  private sessionsChanged(): void {
    if (this.rest) {
      this.isChangedMeanwhile = true;
      return;
    }
    this.wakeAll(followsSessions);
    this.rest = setTimeout(() => {
      this.rest = null;
      if (!this.isChangedMeanwhile) return;
      this.isChangedMeanwhile = false;
      this.sessionsChanged();
    }, restMilliseconds);
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
      const isGone = entry === undefined;
      const forget = () =>
        Promise.all([this.ports.database.transaction((tx) => forgetPoint(tx, name)), this.left.forget(name)]);
      Promise.all([point.close(), isGone && forget()]).catch((error: unknown) =>
        this.ports.log.warn('closing failed', { point: name, error: String(error) }),
      );
    }
    this.broken.clear();
    for (const entry of wanted.values()) if (!this.points.has(entry.name)) this.open(entry);
    this.wakeAll();
  }

  private open(entry: EnforcementPointEntry): void {
    const { clock, log, database } = this.ports;
    const { name, site } = entry;
    try {
      const driver = driverNamed(entry.driver, entry.options);
      if (!driver) throw new Error(`there is no driver \`${entry.driver}\``);
      const target = targetOf(entry);
      const { capabilities } = driver;
      const open = (onLost: () => void) =>
        this.thread.openPoint({ driver: entry.driver, options: entry.options, target }, onLost);
      const audit: PointPorts['audit'] = (entries, events) =>
        database.transaction(async (tx) => {
          await recordAudit(tx, clock.now(), entries);
          await enqueueEvents(tx, clock.now(), events);
        });
      const report = (told: PointReport) => this.report(told);
      const loadGoal = () => this.loadGoal(entry);
      const counts = new RuleCounts(name, new RuleCountStore(database), clock);
      const lookSeconds = this.resyncSeconds;
      const wake = () => this.reconciler.trigger(name);
      const turn = () => this.ports.turns.take();
      const left = this.leftOf(entry);
      const ports = { capabilities, open, loadGoal, audit, report, clock, lookSeconds, counts, wake, turn, left };
      this.points.set(name, new EnforcementPoint(entry, ports));
    } catch (error) {
      const lastError = {
        at: clock.now().toISOString(),
        message: error instanceof Error ? error.message : String(error),
      };
      const nothing = {
        lastSuccess: null,
        lastDrift: null,
        rulesDigest: null,
        members: 0,
        rules: noRulesRead,
        lastSecondWriter: null,
      };
      this.broken.set(name, { name, driver: entry.driver, site, state: 'failed', lastError, ...nothing });
      log.error('enforcement point failed', { point: name, error: lastError.message });
      this.report({ name, site, driver: entry.driver, state: 'failed', message: lastError.message }).catch(
        (problem: unknown) => log.error('failure was not told', { point: name, error: String(problem) }),
      );
    }
  }

  private leftOf({ name, driver, options, transport }: EnforcementPointEntry): PointPorts['left'] {
    const target = sha256(canonicalJson({ driver, options, transport, release: this.release }));
    const kept = transport.kind === 'simulated' ? forgetful : this.left;
    const save: PointPorts['left']['save'] = (row) => kept.save(row);
    return { load: () => kept.load(name, target), save };
  }

  private report(told: PointReport): Promise<void> {
    const { database, clock } = this.ports;
    return database.transaction((tx) => tellPoint(tx, told, clock.now()));
  }

  private async loadGoal(point: EnforcementPointEntry): Promise<DesiredState | null> {
    const sessions = await this.ports.sessions.all();
    await this.ports.turns.take();
    const { enforced } = this.ports.policy;
    if (!enforced) return null;
    const { nas, site } = point;
    if (partsOf(point).includes('flows')) await prepareState(enforced, site, sessions, () => this.ports.turns.take());
    const hasLists = nas !== null && partsOf(point).includes('lists');
    const goal = goalOf(enforced, point, sessions, hasLists ? await this.lists.inUse(enforced, nas, sessions) : []);
    const candidate = this.ports.candidate.active;
    if (!candidate) return goal;
    const { rules, why } = withCandidate(goal.rules, point, candidate.snapshot);
    this.watches.set(point.name, why);
    return rules === goal.rules ? goal : { ...goal, rules };
  }
}

/** Lists and VLANs follow the policy; that nobody has a list any more can wait for the next look. */
const followsSessions = (point: EnforcementPointEntry): boolean =>
  partsOf(point).some((part) => part !== 'lists' && part !== 'vlans');
