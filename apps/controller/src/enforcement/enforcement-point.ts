import { EnforcementProof, type RulesProof } from '#artefacts';
import type { Clock, Diagnostic } from '#base';
import { RemoteFault, TerminalFault, type ChangePlan, type Driver, type EnforcementSession } from '#drivers';
import type { EnforcementRules } from '#model';
import { AddressMap, formatAddress, parseAddress } from '#net';
import { partsOf, type EnforcementPointEntry } from '#policy';
import { PointReconciler, type Look, type ReconcileOutcome } from '#reconcile';
import type { AuditEntry } from '../store/audit.js';
import type { WebhookEvent } from '../webhooks/events.js';
import type { PointReport } from '../webhooks/subjects.js';
import type { AddressRole, DesiredState } from './membership.js';
import type { RuleCounts } from './rule-counts.js';
import { connectionsToCut, movedAddresses } from './revalidate.js';

export interface PointState {
  readonly name: string;
  readonly driver: string;
  readonly site: string;
  readonly state: 'applying' | 'in-sync' | 'drifted' | 'unreachable' | 'failed';
  readonly lastSuccess: string | null;
  readonly lastError: { readonly at: string; readonly message: string } | null;
  /** Somebody changed the device behind our back; it was put right unless `state` says otherwise. */
  readonly lastDrift: { readonly at: string; readonly steps: readonly string[] } | null;
  /** Snapshot whose rules the device was last proved to hold. */
  readonly rulesDigest: string | null;
  readonly members: number;
}

export interface PointPorts {
  readonly driver: Driver;
  readonly session: EnforcementSession;
  /** Reads the current state anew each time; null: no policy is in force. */
  readonly loadGoal: () => Promise<DesiredState | null>;
  readonly prove: (rules: EnforcementRules) => Promise<RulesProof>;
  readonly audit: (entries: readonly AuditEntry[], events: readonly WebhookEvent[]) => Promise<void>;
  /** Told when it fails, and when it is in sync again. */
  readonly report: (report: PointReport) => Promise<void>;
  readonly clock: Clock;
  /** Longest time after which a pass looks at the whole device again. */
  readonly lookSeconds: number;
  readonly counts: RuleCounts;
  /** Asks for a pass. */
  readonly wake: () => void;
  /** Before each piece of work that takes its time. */
  readonly turn: () => Promise<void>;
}

/** Counters cost a device as much as all it holds. */
const countEveryMilliseconds = 30_000;
/** More addresses than these are not asked for one by one: all connections cost less. */
const mostListedAlone = 4;

/**
 * One enforcement point: a pass brings it to its desired state, then ends connections that are no longer allowed. When
 * to pass, and when to try again, is the Reconciler's to decide.
 */
export class EnforcementPoint {
  private current: PointState;
  private readonly reconciler: PointReconciler;
  /** What the device was last proved to hold. */
  private confirmed: DesiredState | null = null;
  /** Whose connections may be others than is allowed, since they were last looked at: these addresses', or anybody's. */
  private doubtful: ReadonlySet<string> | 'all' = 'all';
  private readonly proof: EnforcementProof;
  /** What the pass that is under way, or was last, is to bring about. */
  private asked: DesiredState | null = null;
  /** What was reported last; null: nothing yet. */
  private reported: PointReport['state'] | null = null;
  /** Told once for each policy, however often it is tried. */
  private refusedDigest: string | null = null;
  private waiting: (() => void)[] = [];
  /** When the last look at the whole device began that ended well. */
  private lookedAt: number | null = null;
  /** It may have lost everything since that look began. */
  private isDoubtful = false;

  constructor(
    readonly entry: EnforcementPointEntry,
    private readonly ports: PointPorts,
  ) {
    const { name, driver, site } = entry;
    const nothing = { lastSuccess: null, lastError: null, lastDrift: null, rulesDigest: null, members: 0 };
    this.current = { name, driver, site, state: 'applying', ...nothing };
    this.proof = new EnforcementProof(ports.driver);
    const { session } = ports;
    session.watch?.(() => {
      this.isDoubtful = true;
      ports.wake();
    });
    this.reconciler = new PointReconciler(ports.driver, {
      read: async () => {
        const text = await session.read();
        await ports.turn();
        return text;
      },
      apply: (plan) => this.applyProved(plan),
      confirm: () => session.confirm(),
      rollback: () => session.rollback(),
      ...(session.holds && { holds: session.holds.bind(session) }),
    });
  }

  get state(): PointState {
    return this.current;
  }

  /** Port → VLAN as they were read back; null while that is not known, and where ports are none of the point's business. */
  get portsRead(): ReadonlyMap<string, number> | null {
    const isKnown = this.current.state === 'in-sync' && partsOf(this.entry).includes('ports');
    return isKnown ? (this.confirmed?.ports ?? null) : null;
  }

  /** What the device of an address counts as, by what was last brought to the point. */
  get roles(): AddressMap<AddressRole> {
    return this.confirmed?.roles ?? new AddressMap();
  }

  get counts(): RuleCounts {
    return this.ports.counts;
  }

  /** Resolves after a pass that begins after this call, or after one that fails. */
  nextPass(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Lets go of the device and leaves it as it is. */
  close(): Promise<void> {
    return this.ports.session.close();
  }

  async pass(): Promise<void> {
    const waiting = this.waiting.splice(0);
    const began = this.ports.clock.now().getTime();
    const isDue = this.lookedAt === null || began - this.lookedAt >= this.ports.lookSeconds * 1000;
    const look = isDue || this.isDoubtful || waiting.length > 0 ? 'whole' : 'changes';
    this.isDoubtful = false;
    try {
      const goal = await this.ports.loadGoal();
      if (!goal) return;
      await this.reconcile(goal, look);
      if (look === 'changes') return;
      this.lookedAt = began;
      if (waiting.length > 0 || this.isToCount) await this.count();
    } catch (error) {
      this.lookedAt = null;
      const message = error instanceof Error ? error.message : String(error);
      const state = error instanceof RemoteFault ? 'unreachable' : 'failed';
      this.set({ state, lastError: { at: this.now(), message } });
      await this.report(state, message);
      waiting.push(...this.waiting.splice(0));
      throw error;
    } finally {
      for (const resolve of waiting) resolve();
    }
  }

  private async reconcile(desired: DesiredState, look: Look): Promise<void> {
    const { driver } = this.ports;
    this.asked = desired;
    const isSame = this.confirmed !== null && isSameGoal(desired, this.confirmed);
    if (isSame && look === 'changes') return;
    if (!isSame) {
      this.doubtful = this.doubtAlso(desired);
      this.set({ state: 'applying' });
      await this.refuseUnproved(desired);
    }
    await this.ports.turn();
    const outcome = await this.reconciler.run(desired, look);
    if (outcome.hasDrifted) await this.recordDrift(outcome);
    refuseUnfinished(outcome);
    if (outcome.change === 'rules' || outcome.hasDrifted) this.doubtful = 'all';
    this.confirmed = desired;
    this.set({ rulesDigest: desired.snapshot.digest, members: desired.roles.size });
    // Rules and members first: a connection cut before would come back under the old ones.
    if (driver.capabilities.cutsConnections) await this.cutForbidden(desired);
    this.doubtful = new Set();
    if (outcome.change === 'rules' && !outcome.hasDrifted) {
      await this.audit('enforcement.apply', { digest: desired.snapshot.digest, steps: outcome.steps });
    }
    this.set({ state: 'in-sync', lastSuccess: this.now() });
    await this.report('in-sync', '');
  }

  private async report(state: PointReport['state'], message: string): Promise<void> {
    if (this.reported === state) return;
    const { name, site, driver } = this.entry;
    await this.ports.report({ name, site, driver, state, message });
    this.reported = state;
  }

  /** INVARIANT: nothing is pushed whose text, read back, does not mean what the rules say. What is on the device stays. */
  private async refuseUnproved(desired: DesiredState): Promise<void> {
    // What the driver can't express it says better itself.
    if (this.ports.driver.check(desired).some(({ severity }) => severity === 'error')) return;
    const { rules } = desired;
    if (this.proof.lacks(rules)) this.proof.take(rules, await this.ports.prove(rules));
    await this.ports.turn();
    await this.refuseDifference(desired, this.proof.check(desired));
  }

  /** The rules go out as a whole; what is pushed is looked at itself. Single members are proved by reading back. */
  private async applyProved(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'rules' && this.asked)
      await this.refuseDifference(this.asked, this.proof.checkText(this.asked, plan.commands));
    if (plan.kind !== 'rules') return this.ports.session.apply(plan);
    await this.count();
    await this.ports.session.apply(plan);
    await this.ports.counts.restart();
  }

  /** Counters are for people: what is unknown of them stops nothing, and shows as an old `readAt`. */
  private async count(): Promise<void> {
    try {
      const reading = await this.ports.session.counters();
      if (reading.length > 0) await this.ports.counts.add(reading);
    } catch (error) {
      if (!(error instanceof RemoteFault || error instanceof TerminalFault)) throw error;
    }
  }

  private get isToCount(): boolean {
    const { counts, clock } = this.ports;
    return counts.readAt === null || clock.now().getTime() - counts.readAt.getTime() >= countEveryMilliseconds;
  }

  private async refuseDifference({ rules }: DesiredState, difference: Diagnostic | null): Promise<void> {
    if (!difference) return;
    const digest = rules.snapshotDigest;
    if (this.refusedDigest !== digest)
      await this.audit('enforcement.artefact-differs', { digest, difference: difference.summary });
    this.refusedDigest = digest;
    throw new TerminalFault(`the rendered rules are not the policy's: ${difference.summary} (${difference.hint})`);
  }

  /** With the addresses that change their class by `desired`: by the same rules only their connections are judged anew. */
  private doubtAlso({ rules, membership }: DesiredState): ReadonlySet<string> | 'all' {
    if (this.doubtful === 'all' || this.confirmed?.rules.snapshotDigest !== rules.snapshotDigest) return 'all';
    const moved = this.doubtful.union(movedAddresses(this.confirmed.membership, membership));
    return moved.size > mostListedAlone ? 'all' : moved;
  }

  private async cutForbidden(desired: DesiredState): Promise<void> {
    const { session } = this.ports;
    const of = this.doubtful === 'all' ? null : [...this.doubtful].flatMap((text) => parseAddress(text) ?? []);
    if (of?.length === 0) return;
    const connections = await session.connections(of ?? undefined);
    await this.ports.turn();
    const doomed = connectionsToCut(desired, connections);
    if (doomed.length === 0) return;
    await session.cut(doomed, { of, connections });
    const shown = doomed
      .slice(0, 50)
      .map((c) => `${formatAddress(c.source)} -> ${formatAddress(c.destination)} ${c.protocol}/${c.destinationPort}`);
    await this.audit('enforcement.cut', { count: doomed.length, connections: shown });
  }

  /** Told also when the repair failed: then the device is still not as it should be. */
  private async recordDrift({ kind, steps }: ReconcileOutcome): Promise<void> {
    const isRepaired = kind === 'applied';
    this.set({ lastDrift: { at: this.now(), steps }, ...(isRepaired ? {} : { state: 'drifted' }) });
    const { name: point, site, driver } = this.entry;
    const data = { point, site, driver, repaired: isRepaired, steps: steps.slice(0, 20) };
    const action = isRepaired ? 'enforcement.drift-repaired' : 'enforcement.drift';
    await this.audit(action, { steps }, [{ type: 'enforcement.drifted', data }]);
  }

  private audit(action: string, after: object, events: readonly WebhookEvent[] = []): Promise<void> {
    return this.ports.audit([{ actor: 'system', action, target: this.entry.name, after }], events);
  }

  private set(change: Partial<PointState>): void {
    this.current = { ...this.current, ...change };
  }

  private now(): string {
    return this.ports.clock.now().toISOString();
  }
}

function refuseUnfinished({ kind, steps, diagnostics }: ReconcileOutcome): void {
  if (kind === 'refused') {
    const text = diagnostics.slice(0, 5).map(({ summary, hint }) => `${summary} (${hint})`);
    throw new TerminalFault(`the driver can't express this policy: ${text.join('; ')}`);
  }
  if (kind === 'rolled-back') throw new TerminalFault(`rolled back: ${steps.at(-1) ?? ''}`);
}

function isSameGoal(a: DesiredState, b: DesiredState): boolean {
  if (a.rules !== b.rules || a.roles.size !== b.roles.size || a.ports.size !== b.ports.size) return false;
  if (a.ports !== b.ports && ![...a.ports].every(([port, vlan]) => b.ports.get(port) === vlan)) return false;
  if (a.membership === b.membership) return true;
  return [...a.membership].every(([role, members]) => members.isSubsetOf(b.membership.get(role) ?? new Set()));
}
