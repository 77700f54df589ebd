import type { ChangePlan, Driver, EnforcementSession, ObservedState } from '#drivers';
import type { Diagnostic } from '#base';
import type { EnforcementState } from '#model';

/** What one run at an enforcement point did. */
export interface ReconcileOutcome {
  /**
   * `unchanged`: nothing to do; `applied`: done and read back; `refused`: this make can't express it, nothing was touched;
   * `rolled-back`: what was read back was not what was asked for, so what stood there before is back.
   */
  readonly kind: 'unchanged' | 'applied' | 'refused' | 'rolled-back';
  readonly change: ChangePlan['kind'];
  /** The device did not hold what was last confirmed there, though nothing else was asked for since: somebody changed it. */
  readonly hasDrifted: boolean;
  readonly steps: readonly string[];
  /** Why it was refused. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was read of the rules on the device; null: this run did not read it. */
  readonly rules: RulesRead | null;
}

/** Fingerprints, as the driver makes them; empty where nothing of ours was there. */
export interface RulesRead {
  /** Before anything was changed. */
  readonly before: string;
  /** What was read last. */
  readonly after: string;
  /** They were those that were asked for before anything was changed. */
  readonly isAsked: boolean;
}

type PointDriver = Pick<Driver, 'check' | 'expect' | 'parse' | 'plan'>;
type PointSession = Pick<EnforcementSession, 'read' | 'apply' | 'confirm' | 'rollback' | 'holds'>;

/** How far a run looks at the device: at all of it, which finds drift, or only at the members that it changes. */
export type Look = 'whole' | 'changes';

/**
 * read → parse → plan → apply → read back → confirm, or roll back. A change of members alone goes out first, by what was
 * confirmed last, and the run then proves it: a quarantine does not wait for the listing of a large table. Where only changes are
 * looked at, the proof is of the members that were changed; whatever speaks against it makes the run a whole one.
 *
 * Keeps what was asked for and what was read last, for speed and to tell drift from a change; loses nothing but that at a
 * restart. Decides nothing about retrying: faults come out as they are thrown (after an attempt to roll back), for the
 * `Reconciler`. Nor how often to look at all: who only ever looks at changes finds no drift.
 */
export class PointReconciler {
  /** What the last run that ended well was asked for. */
  private confirmed: EnforcementState | null = null;
  /** Parsing is what costs; the same text gives the same. */
  private reading: { readonly text: string; readonly observed: ObservedState | null } | null = null;
  /** Of the rules that were read last. */
  private fingerprint = '';

  constructor(
    private readonly driver: PointDriver,
    private readonly session: PointSession,
  ) {}

  async run(desired: EnforcementState, look: Look = 'whole'): Promise<ReconcileOutcome> {
    const diagnostics = this.driver.check(desired).filter(({ severity }) => severity === 'error');
    if (diagnostics.length > 0)
      return { kind: 'refused', change: 'none', hasDrifted: false, steps: [], diagnostics, rules: null };
    const asked = this.confirmed && this.driver.plan(desired, this.driver.expect(this.confirmed));
    if (look === 'changes' && asked?.kind === 'none') return this.end(desired, unchanged);
    const isAhead = asked?.kind === 'membership' && (await this.applyAhead(asked));
    if (look === 'changes' && isAhead && (await this.session.holds?.(asked)))
      return this.end(desired, { ...unchanged, kind: 'applied', change: 'membership', steps: asked.steps });
    const plan = await this.planNow(desired);
    const before = this.fingerprint;
    // What was not asked for since is drift. After a change of members that failed, who changed which member is not known.
    const hasDrifted =
      plan.kind !== 'none' &&
      (asked?.kind === 'none' || isAhead || (asked !== null && weight[plan.kind] > weight[asked.kind]));
    const change = plan.kind === 'none' ? unchanged : await this.change(plan, desired, hasDrifted);
    const rules = { before, after: this.fingerprint, isAsked: plan.kind !== 'rules' };
    const outcome = { ...change, rules };
    if (outcome.kind !== 'rolled-back') this.confirmed = desired;
    if (!isAhead) return outcome;
    const steps = [...asked.steps, ...outcome.steps];
    return outcome.kind === 'unchanged'
      ? { ...outcome, kind: 'applied', change: 'membership', steps }
      : { ...outcome, steps };
  }

  private end(desired: EnforcementState, outcome: ReconcileOutcome): ReconcileOutcome {
    this.confirmed = desired;
    return outcome;
  }

  /** False when the device did not take it: it may hold something else than was confirmed, which reading will show. */
  private async applyAhead(plan: ChangePlan): Promise<boolean> {
    try {
      await this.session.apply(plan);
      return true;
    } catch {
      return false;
    } finally {
      await this.session.confirm();
    }
  }

  private async planNow(desired: EnforcementState): Promise<ChangePlan> {
    const text = await this.session.read();
    if (text !== null && text !== this.reading?.text) this.reading = { text, observed: this.driver.parse(text) };
    const observed = text === null ? null : (this.reading?.observed ?? null);
    this.fingerprint = observed?.rulesFingerprint ?? '';
    return this.driver.plan(desired, observed);
  }

  private async change(plan: ChangePlan, desired: EnforcementState, hasDrifted: boolean): Promise<ReconcileOutcome> {
    const outcome = { change: plan.kind, hasDrifted, diagnostics: [], rules: null };
    let left: ChangePlan;
    try {
      await this.session.apply(plan);
      left = await this.planNow(desired);
    } catch (fault) {
      await this.rollBackQuietly();
      throw fault;
    }
    if (left.kind === 'none') {
      await this.session.confirm();
      return { ...outcome, kind: 'applied', steps: plan.steps };
    }
    await this.session.rollback();
    const why = `read back something else (${left.steps.join('; ') || left.kind}), so rolled back`;
    return { ...outcome, kind: 'rolled-back', steps: [...plan.steps, why] };
  }

  /** The fault that led here is the one to report; a device that does not answer can't be rolled back either. */
  private async rollBackQuietly(): Promise<void> {
    try {
      await this.session.rollback();
    } catch {
      // The next run reads what is there and starts from that.
    }
  }
}

/** A change of more than was asked for puts right what somebody did. */
const weight: Readonly<Record<ChangePlan['kind'], number>> = { none: 0, membership: 1, watching: 2, rules: 3 };

const unchanged: ReconcileOutcome = {
  kind: 'unchanged',
  change: 'none',
  hasDrifted: false,
  steps: [],
  diagnostics: [],
  rules: null,
};
