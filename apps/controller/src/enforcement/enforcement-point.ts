import type { Clock } from '#base';
import { RemoteFault, TerminalFault, type DriverCapabilities, type RuleCounter } from '#drivers';
import { AddressMap, formatAddress, parseAddress } from '#net';
import { partsOf, type EnforcementPointEntry } from '#policy';
import type { Look, ReconcileOutcome, RulesRead } from '#reconcile';
import type { AuditEntry } from '../store/audit.js';
import type { PointRulesRow } from '../store/rows.js';
import type { WebhookEvent } from '../webhooks/events.js';
import type { PointReport } from '../webhooks/subjects.js';
import { judgeRules, type LeftRules, type RulesVerdict } from './judge-rules.js';
import type { DesiredState } from './membership.js';
import { ArtefactDiffers, type PointWork } from './point-work.js';
import type { AddressRole } from './site-members.js';
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
  readonly rules: PointRules;
  /** Somebody else brought the device to what policy wants, before we did. */
  readonly lastSecondWriter: { readonly at: string } | null;
}

/** Of the rules alone: members come and go. Fingerprints are as the driver makes them; empty where nothing of ours is there. */
export interface PointRules {
  /** What was read back when the device was last left; null: never yet. */
  readonly left: string | null;
  readonly leftAt: string | null;
  /** What was read last, before anything was changed; null: nothing yet. */
  readonly read: string | null;
  /** What they are to each other. */
  readonly verdict: RulesVerdict;
}

export const noRulesRead: PointRules = { left: null, leftAt: null, read: null, verdict: 'unknown' };

export interface PointPorts {
  readonly capabilities: DriverCapabilities;
  /** Opened at once. */
  readonly open: (onLost: () => void) => PointWork;
  /** Reads the current state anew each time; null: no policy is in force. */
  readonly loadGoal: () => Promise<DesiredState | null>;
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
  /** What the point was left with, over restarts. */
  readonly left: {
    readonly load: () => Promise<PointRulesRow>;
    readonly save: (row: PointRulesRow) => Promise<void>;
  };
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
  private readonly work: PointWork;
  /** What the device was last proved to hold. */
  private confirmed: DesiredState | null = null;
  /** Whose connections may be others than is allowed, since they were last looked at: these addresses', or anybody's. */
  private doubtful: ReadonlySet<string> | 'all' = 'all';
  /** What was reported last; null: nothing yet. */
  private reported: PointReport['state'] | null = null;
  /** Told once for each policy, however often it is tried. */
  private refusedDigest: string | null = null;
  private waiting: (() => void)[] = [];
  /** Null: not looked up yet. */
  private left: PointRulesRow | null = null;
  /** When the last look at the whole device began that ended well. */
  private lookedAt: number | null = null;
  /** It may have lost everything since that look began. */
  private isDoubtful = false;
  private isClosed = false;

  constructor(
    readonly entry: EnforcementPointEntry,
    private readonly ports: PointPorts,
  ) {
    const { name, driver, site } = entry;
    const nothing = { lastSuccess: null, lastError: null, lastDrift: null, rulesDigest: null, members: 0 };
    const unread = { rules: noRulesRead, lastSecondWriter: null };
    this.current = { name, driver, site, state: 'applying', ...nothing, ...unread };
    this.work = ports.open(() => {
      this.isDoubtful = true;
      ports.wake();
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

  /** Lets go of the device and leaves it as it is. A pass that is under way fails then, which tells nothing of the device. */
  close(): Promise<void> {
    this.isClosed = true;
    return this.work.close();
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
    const isSame = this.confirmed !== null && isSameGoal(desired, this.confirmed);
    if (isSame && look === 'changes') return;
    if (!isSame) {
      this.doubtful = this.doubtAlso(desired);
      this.set({ state: 'applying' });
      await this.told(desired, this.work.prove(desired));
    }
    const left = await this.begin(desired);
    const { outcome, counted } = await this.told(desired, this.work.run(desired, look));
    if (counted) await this.countAnew(counted);
    const verdict = outcome.rules && this.judge(outcome.rules, left);
    const hasDrifted = outcome.hasDrifted || verdict === 'by-hand';
    if (hasDrifted) await this.recordDrift(outcome);
    if (verdict === 'second-writer') await this.recordSecondWriter(desired);
    refuseUnfinished(outcome);
    if (outcome.change === 'rules' || hasDrifted) this.doubtful = 'all';
    this.confirm(desired, outcome.rules);
    this.confirmed = desired;
    this.set({ rulesDigest: desired.snapshot.digest, members: desired.roles.size });
    // Rules and members first: a connection cut before would come back under the old ones.
    if (this.ports.capabilities.cutsConnections) await this.cutForbidden(desired);
    this.doubtful = new Set();
    if (outcome.change === 'rules' && !hasDrifted) {
      await this.audit('enforcement.apply', { digest: desired.snapshot.digest, steps: outcome.steps });
    }
    this.set({ state: 'in-sync', lastSuccess: this.now() });
    await this.report('in-sync', '');
  }

  /** What the point was left with; and if its rules are to be others, that this is unfinished from now on. */
  private async begin(desired: DesiredState): Promise<LeftRules> {
    const row = (this.left ??= await this.ports.left.load());
    const left = { fingerprint: row.fingerprint, isUnfinished: row.begunAt !== null };
    if (this.confirmed?.rules === desired.rules || row.begunAt !== null) return left;
    // INVARIANT: durable before anything is sent. Who starts after us must not take it for somebody else's.
    this.left = { ...row, begunAt: this.now() };
    await this.ports.left.save(this.left);
    return left;
  }

  private judge(rules: RulesRead, left: LeftRules): RulesVerdict {
    const verdict = judgeRules(rules, left);
    this.set({ rules: { ...this.current.rules, left: left.fingerprint, read: rules.before, verdict } });
    return verdict;
  }

  /** Nobody waits for it to be stored: until then the change counts as unfinished. */
  private confirm({ snapshot: { digest } }: DesiredState, rules: RulesRead | null): void {
    const row = this.left!;
    const fingerprint = rules?.after ?? row.fingerprint;
    const isSame = row.begunAt === null && row.fingerprint === fingerprint && row.digest === digest;
    if (!isSame) {
      const confirmedAt = fingerprint === row.fingerprint && row.confirmedAt !== null ? row.confirmedAt : this.now();
      this.left = { ...row, fingerprint, digest, confirmedAt, begunAt: null };
      this.ports.left.save(this.left).catch(() => undefined);
    }
    if (rules)
      this.set({ rules: { left: fingerprint, leftAt: this.left!.confirmedAt, read: rules.after, verdict: 'in-sync' } });
  }

  private recordSecondWriter({ snapshot: { digest } }: DesiredState): Promise<void> {
    this.set({ lastSecondWriter: { at: this.now() } });
    const { name: point, site, driver } = this.entry;
    const data = { point, site, driver, digest };
    return this.audit('enforcement.second-writer', { digest }, [{ type: 'enforcement.second-writer', data }]);
  }

  private async report(state: PointReport['state'], message: string): Promise<void> {
    if (this.isClosed || this.reported === state) return;
    const { name, site, driver } = this.entry;
    await this.ports.report({ name, site, driver, state, message });
    this.reported = state;
  }

  /** Rules that were not pushed, as an entry of the audit trail. */
  private async told<T>({ rules }: DesiredState, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof ArtefactDiffers)) throw error;
      const digest = rules.snapshotDigest;
      if (this.refusedDigest !== digest)
        await this.audit('enforcement.artefact-differs', { digest, difference: error.difference.summary });
      this.refusedDigest = digest;
      throw new TerminalFault(error.message);
    }
  }

  private async count(): Promise<void> {
    const reading = await this.work.counters();
    if (reading.length > 0) await this.ports.counts.add(reading);
  }

  private async countAnew(before: readonly RuleCounter[]): Promise<void> {
    if (before.length > 0) await this.ports.counts.add(before);
    await this.ports.counts.restart();
  }

  private get isToCount(): boolean {
    const { counts, clock } = this.ports;
    return counts.readAt === null || clock.now().getTime() - counts.readAt.getTime() >= countEveryMilliseconds;
  }

  /** With the addresses that change their class by `desired`: by the same rules only their connections are judged anew. */
  private doubtAlso({ rules, membership }: DesiredState): ReadonlySet<string> | 'all' {
    if (this.doubtful === 'all' || this.confirmed?.rules.snapshotDigest !== rules.snapshotDigest) return 'all';
    const moved = this.doubtful.union(movedAddresses(this.confirmed.membership, membership));
    return moved.size > mostListedAlone ? 'all' : moved;
  }

  private async cutForbidden(desired: DesiredState): Promise<void> {
    const of = this.doubtful === 'all' ? null : [...this.doubtful].flatMap((text) => parseAddress(text) ?? []);
    if (of?.length === 0) return;
    const connections = await this.work.connections(of);
    await this.ports.turn();
    const doomed = connectionsToCut(desired, connections);
    if (doomed.length === 0) return;
    await this.work.cut(doomed);
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
  return [...a.membership].every(([role, members]) => {
    const others = b.membership.get(role);
    return others === members || (others !== undefined && members.isSubsetOf(others));
  });
}
