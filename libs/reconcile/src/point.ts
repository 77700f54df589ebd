import type { ChangePlan, Driver, EnforcementSession } from '#drivers';
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
}

/**
 * read → parse → plan → apply → read back → confirm, or roll back. Decides nothing about retrying: faults come out as they
 * are thrown (after an attempt to roll back), for the `Reconciler`.
 *
 * `lastConfirmed`: what the last run that ended well was asked for, or null when that is not known. Compared as a plan, so
 * that an equal state in other words is no change.
 */
export async function reconcilePoint(
  driver: Pick<Driver, 'check' | 'parse' | 'plan' | 'render'>,
  session: Pick<EnforcementSession, 'read' | 'apply' | 'confirm' | 'rollback'>,
  desired: EnforcementState,
  lastConfirmed: EnforcementState | null = null,
): Promise<ReconcileOutcome> {
  const diagnostics = driver.check(desired).filter(({ severity }) => severity === 'error');
  if (diagnostics.length > 0) return { kind: 'refused', change: 'none', hasDrifted: false, steps: [], diagnostics };
  const planNow = async (): Promise<ChangePlan> => {
    const text = await session.read();
    return driver.plan(desired, text === null ? null : driver.parse(text));
  };
  const plan = await planNow();
  if (plan.kind === 'none') return { kind: 'unchanged', change: 'none', hasDrifted: false, steps: [], diagnostics: [] };
  const hasDrifted = lastConfirmed !== null && isSame(driver, desired, lastConfirmed);
  const outcome = { change: plan.kind, hasDrifted, diagnostics: [] };
  let left: ChangePlan;
  try {
    await session.apply(plan);
    left = await planNow();
  } catch (fault) {
    await rollBackQuietly(session);
    throw fault;
  }
  if (left.kind === 'none') {
    await session.confirm();
    return { ...outcome, kind: 'applied', steps: plan.steps };
  }
  await session.rollback();
  const why = `read back something else (${left.steps.join('; ') || left.kind}), so rolled back`;
  return { ...outcome, kind: 'rolled-back', steps: [...plan.steps, why] };
}

function isSame(driver: Pick<Driver, 'parse' | 'plan' | 'render'>, a: EnforcementState, b: EnforcementState): boolean {
  return a === b || driver.plan(a, driver.parse(driver.render(b))).kind === 'none';
}

/** The fault that led here is the one to report; a device that does not answer can't be rolled back either. */
async function rollBackQuietly(session: Pick<EnforcementSession, 'rollback'>): Promise<void> {
  try {
    await session.rollback();
  } catch {
    // The next run reads what is there and starts from that.
  }
}
