import { EnforcementProof, type RulesProof } from '#artefacts';
import type { Diagnostic } from '#base';
import {
  RemoteFault,
  TerminalFault,
  type ChangePlan,
  type ConnectionListing,
  type Driver,
  type EnforcementSession,
  type RuleCounter,
} from '#drivers';
import type { Connection, EnforcementRules, EnforcementState } from '#model';
import type { Address } from '#net';
import { PointReconciler, type Look, type ReconcileOutcome } from '#reconcile';

/** What a driver would push means something else than the rules. Nothing of it was pushed. */
export class ArtefactDiffers extends Error {
  override readonly name = 'ArtefactDiffers';

  constructor(readonly difference: Diagnostic) {
    super(`the rendered rules are not the policy's: ${difference.summary} (${difference.hint})`);
  }
}

export interface PointRun {
  readonly outcome: ReconcileOutcome;
  /** Counters right before the rules were replaced, since when they count from zero; null: rules stayed. */
  readonly counted: readonly RuleCounter[] | null;
}

/**
 * What takes its time at an enforcement point: to compare, render, prove, read and push a firewall's rules. Methods are called one after
 * the other, and reject with `RemoteFault`, `TerminalFault` or `ArtefactDiffers`.
 */
export interface PointWork {
  /** Proves the artefact of a state before anything is planned. */
  prove(desired: EnforcementState): Promise<void>;
  run(desired: EnforcementState, look: Look): Promise<PointRun>;
  /** Empty where they can't be had: counters are for people, and stop nothing. */
  counters(): Promise<readonly RuleCounter[]>;
  /** With `of`, those that have one of these addresses at an end. */
  connections(of: readonly Address[] | null): Promise<readonly Connection[]>;
  /** Ends some of those that were listed last. */
  cut(connections: readonly Connection[]): Promise<void>;
  close(): Promise<void>;
}

interface Ports {
  readonly driver: Driver;
  readonly session: EnforcementSession;
  readonly prove: (rules: EnforcementRules) => Promise<RulesProof>;
  /** The device may have lost what it held. */
  readonly onLost: () => void;
}

export class LocalPointWork implements PointWork {
  private readonly reconciler: PointReconciler;
  private readonly proof: EnforcementProof;
  /** What the run that is under way is to bring about. */
  private asked: EnforcementState | null = null;
  private counted: readonly RuleCounter[] | null = null;
  private listed: ConnectionListing | null = null;

  constructor(private readonly ports: Ports) {
    const { driver, session } = ports;
    this.proof = new EnforcementProof(driver);
    session.watch?.(ports.onLost);
    this.reconciler = new PointReconciler(driver, {
      read: () => session.read(),
      apply: (plan) => this.applyProved(plan),
      confirm: () => session.confirm(),
      rollback: () => session.rollback(),
      ...(session.holds && { holds: session.holds.bind(session) }),
    });
  }

  async prove(desired: EnforcementState): Promise<void> {
    // What the driver can't express it says better itself.
    if (this.ports.driver.check(desired).some(({ severity }) => severity === 'error')) return;
    const { rules } = desired;
    if (this.proof.lacks(rules)) this.proof.take(rules, await this.ports.prove(rules));
    refuse(this.proof.check(desired));
  }

  async run(desired: EnforcementState, look: Look): Promise<PointRun> {
    this.asked = desired;
    this.counted = null;
    const outcome = await this.reconciler.run(desired, look);
    return { outcome, counted: this.counted };
  }

  async counters(): Promise<readonly RuleCounter[]> {
    try {
      return await this.ports.session.counters();
    } catch (error) {
      if (error instanceof RemoteFault || error instanceof TerminalFault) return [];
      throw error;
    }
  }

  async connections(of: readonly Address[] | null): Promise<readonly Connection[]> {
    const connections = await this.ports.session.connections(of ?? undefined);
    this.listed = { of, connections };
    return connections;
  }

  async cut(connections: readonly Connection[]): Promise<void> {
    const { listed } = this;
    this.listed = null;
    await this.ports.session.cut(connections, listed ?? undefined);
  }

  close(): Promise<void> {
    return this.ports.session.close();
  }

  /**
   * The rules go out as a whole; what is pushed is looked at itself. Single members are proved by reading back.
   *
   * INVARIANT: nothing is pushed whose text, read back, does not mean what the rules say. What is on the device stays.
   */
  private async applyProved(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'watching') refuse(this.proof.checkWatching(plan.commands));
    if (plan.kind !== 'rules') return this.ports.session.apply(plan);
    if (this.asked) refuse(this.proof.checkText(this.asked, plan.commands));
    const counted = await this.counters();
    await this.ports.session.apply(plan);
    this.counted = counted;
  }
}

function refuse(difference: Diagnostic | null): void {
  if (difference) throw new ArtefactDiffers(difference);
}
