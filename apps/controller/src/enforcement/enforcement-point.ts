import type { Clock } from '#base';
import { RemoteFault, TerminalFault, type Driver, type EnforcementSession } from '#drivers';
import { formatAddress } from '#net';
import type { EnforcementPointEntry, Snapshot } from '#policy';
import { PointReconciler, type ReconcileOutcome } from '#reconcile';
import type { AuditEntry } from '../store/audit.js';
import type { DesiredState } from './membership.js';
import { connectionsToCut } from './revalidate.js';

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

export interface Goal {
  readonly snapshot: Snapshot;
  readonly desired: DesiredState;
}

interface Ports {
  readonly driver: Driver;
  readonly session: EnforcementSession;
  /** Reads the current state anew each time; null: no policy is in force. */
  readonly loadGoal: () => Promise<Goal | null>;
  readonly audit: (entries: readonly AuditEntry[]) => Promise<void>;
  readonly clock: Clock;
}

/**
 * One enforcement point: a pass brings it to its desired state, then ends connections that are no longer allowed. When
 * to pass, and when to try again, is the Reconciler's to decide.
 */
export class EnforcementPoint {
  private current: PointState;
  private readonly reconciler: PointReconciler;
  /** What the device was last proved to hold. */
  private confirmed: DesiredState | null = null;
  /** What is allowed changed since the connections were last looked at. */
  private mustRevalidate = true;
  private waiting: (() => void)[] = [];

  constructor(
    readonly entry: EnforcementPointEntry,
    private readonly ports: Ports,
  ) {
    const { name, driver, site } = entry;
    const nothing = { lastSuccess: null, lastError: null, lastDrift: null, rulesDigest: null, members: 0 };
    this.current = { name, driver, site, state: 'applying', ...nothing };
    this.reconciler = new PointReconciler(ports.driver, ports.session);
  }

  get state(): PointState {
    return this.current;
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
    try {
      const goal = await this.ports.loadGoal();
      if (goal) await this.reconcile(goal);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const state = error instanceof RemoteFault ? 'unreachable' : 'failed';
      this.set({ state, lastError: { at: this.now(), message } });
      waiting.push(...this.waiting.splice(0));
      throw error;
    } finally {
      for (const resolve of waiting) resolve();
    }
  }

  private async reconcile({ snapshot, desired }: Goal): Promise<void> {
    const { driver } = this.ports;
    if (!this.confirmed || !isSameGoal(desired, this.confirmed)) {
      this.mustRevalidate = true;
      this.set({ state: 'applying' });
    }
    const outcome = await this.reconciler.run(desired);
    if (outcome.hasDrifted) await this.recordDrift(outcome);
    refuseUnfinished(outcome);
    if (outcome.kind === 'applied') this.mustRevalidate = true;
    this.confirmed = desired;
    this.set({ rulesDigest: desired.rules.snapshotDigest, members: desired.roles.size });
    // Rules and members first: a connection cut before would come back under the old ones.
    if (this.mustRevalidate && driver.capabilities.cutsConnections) await this.cutForbidden(snapshot, desired);
    this.mustRevalidate = false;
    if (outcome.change === 'rules' && !outcome.hasDrifted) {
      await this.audit('enforcement.apply', { digest: snapshot.digest, steps: outcome.steps });
    }
    this.set({ state: 'in-sync', lastSuccess: this.now() });
  }

  private async cutForbidden(snapshot: Snapshot, desired: DesiredState): Promise<void> {
    const doomed = connectionsToCut(snapshot, desired, await this.ports.session.connections());
    if (doomed.length === 0) return;
    await this.ports.session.cut(doomed);
    const shown = doomed
      .slice(0, 50)
      .map((c) => `${formatAddress(c.source)} -> ${formatAddress(c.destination)} ${c.protocol}/${c.destinationPort}`);
    await this.audit('enforcement.cut', { count: doomed.length, connections: shown });
  }

  /** Told also when the repair failed: then the device is still not as it should be. */
  private async recordDrift({ kind, steps }: ReconcileOutcome): Promise<void> {
    const isRepaired = kind === 'applied';
    this.set({ lastDrift: { at: this.now(), steps }, ...(isRepaired ? {} : { state: 'drifted' }) });
    await this.audit(isRepaired ? 'enforcement.drift-repaired' : 'enforcement.drift', { steps });
  }

  private audit(action: string, after: object): Promise<void> {
    return this.ports.audit([{ actor: 'system', action, target: this.entry.name, after }]);
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
  if (a.rules.snapshotDigest !== b.rules.snapshotDigest || a.roles.size !== b.roles.size) return false;
  return [...a.roles].every(([address, role]) => b.roles.get(address) === role);
}
