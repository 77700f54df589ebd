import { formatDiagnostic, type Diagnostic } from '#base';
import type { EntityManager } from 'typeorm';
import { enqueue, forgeBox } from '../outbox/outbox.js';
import {
  policyHolds,
  policyVersions,
  rollouts,
  type PolicyHoldRow,
  type PolicyVersionRow,
  type RolloutRow,
} from '../store/rows.js';

/** What became of a commit so far. */
export interface Standing {
  /** `pending`: more comes; `failure`: it is not, or not any more, what the network does. */
  readonly state: 'pending' | 'success' | 'failure';
  /** For people, in one line. */
  readonly description: string;
}

export interface CommitStatus extends Standing {
  readonly commit: string;
}

export const inForce: Standing = { state: 'success', description: 'in force everywhere' };
export const waits: Standing = { state: 'pending', description: 'waits for the rollout that is under way' };

export const takenBack = (reason: string | null): Standing => ({
  state: 'failure',
  description: reason === null ? 'taken back' : `taken back: ${reason}`,
});

type Back = Pick<PolicyHoldRow, 'toCommit' | 'reason'>;

export const rolledBackTo = ({ toCommit, reason }: Back): Standing =>
  takenBack(`rolled back to ${toCommit.slice(0, 12)}: ${reason}`);

/** It is in force still, where the stages of the rollback have not got to. */
export const goesBackTo = ({ toCommit, reason }: Back): Standing => ({
  state: 'pending',
  description: `being rolled back to ${toCommit.slice(0, 12)}: ${reason}`,
});

export const overtakenBy = (commit: string): Standing => ({
  state: 'failure',
  description: `never in force: ${commit.slice(0, 12)} came while it waited`,
});

const verbs = { running: 'rolling out', paused: 'paused', halted: 'halted by a gate' } as const;

export function rollingOut({
  status,
  stage,
  rules,
  reason,
}: Pick<RolloutRow, 'status' | 'stage' | 'rules' | 'reason'>): Standing {
  const verb = status === 'paused' || status === 'halted' ? verbs[status] : verbs.running;
  const where = `stage ${rules.stages[stage]?.name ?? '?'} (${stage + 1} of ${rules.stages.length})`;
  const why = status === 'running' || reason === null ? '' : `: ${reason}`;
  return { state: 'pending', description: `${verb}, ${where}${why}` };
}

export function refusedFor(diagnostics: readonly Diagnostic[]): Standing {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const first = errors[0] ? `: ${formatDiagnostic(errors[0]).split('\n')[0]!}` : '';
  const more = errors.length > 1 ? `${errors.length} errors` : '';
  return { state: 'failure', description: `refused${more && `, ${more}`}${first}` };
}

/** INVARIANT: called with the same `tx` as what happened, so neither is ever stored without the other. */
export function tellCommit(
  tx: EntityManager,
  at: Date,
  commit: string,
  { state, description }: Standing,
): Promise<void> {
  const status: CommitStatus = { commit, state, description };
  return enqueue(tx, forgeBox, at, [JSON.stringify(status)]);
}

/** How the newest commit stands: for a forge that may have missed it. */
export async function tellNewest(tx: EntityManager, at: Date): Promise<void> {
  const newest = await tx.findOne(policyVersions, { where: {}, order: { id: 'DESC' } });
  if (newest) await tellCommit(tx, at, newest.commit, await standingOf(tx, newest));
}

async function standingOf(tx: EntityManager, version: PolicyVersionRow): Promise<Standing> {
  const { id, commit, status, diagnostics } = version;
  const hold = await tx.findOneBy(policyHolds, { id: 1 });
  if (hold?.held.includes(commit)) return status === 'active' ? goesBackTo(hold) : rolledBackTo(hold);
  if (status === 'active' || status === 'superseded') return inForce;
  if (status === 'waiting') return waits;
  if (status === 'refused') return refusedFor(diagnostics);
  const rollout = await tx.findOne(rollouts, { where: { version: id }, order: { id: 'DESC' } });
  return rollout && status === 'staged' ? rollingOut(rollout) : takenBack(rollout?.reason ?? null);
}
