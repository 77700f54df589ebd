import { In, type EntityManager } from 'typeorm';
import { rollingOut, takenBack, tellCommit } from '../forges/commit-status.js';
import { approvalBox, enqueue } from '../outbox/outbox.js';
import { recordAudit } from '../store/audit.js';
import {
  activePolicies,
  keptPolicies,
  openRolloutStatuses,
  policyHolds,
  policyVersions,
  rollouts,
  type PolicyHoldRow,
  type PolicyVersionRow,
  type RolloutRow,
} from '../store/rows.js';
import { enqueueEvents } from '../webhooks/outbox.js';
import { beginPeriod, endStages } from './periods.js';
import type { StoredVersion } from './policy-store.js';

/* Steps of what becomes of a policy, each within the `tx` of the whole. */

/** Of a rollout at its begin. */
export type Begun = Pick<RolloutRow, 'rules' | 'fromDigest' | 'seen'>;

/** What is in force now is what was in force before: devices that wait have been told it. */
export async function keepPrevious(
  tx: EntityManager,
  status: PolicyVersionRow['status'] = 'superseded',
): Promise<void> {
  const row = await tx.findOneBy(activePolicies, { id: 1 });
  if (row) {
    const { version, snapshot, files } = row;
    await tx.save(keptPolicies, { name: 'previous', version, snapshot, files });
  }
  await tx.update(policyVersions, { status: 'active' }, { status });
}

interface Kept {
  readonly encoded: object;
  readonly files: ReadonlyMap<string, string>;
}

export const keptOf = ({ id }: Pick<StoredVersion, 'id'>, { encoded, files }: Kept) => ({
  version: id,
  snapshot: encoded,
  files: Object.fromEntries(files),
});

interface Begins extends Kept {
  readonly version: StoredVersion;
  readonly begun: Begun;
  readonly how: 'stage' | 'roll-back';
  readonly digest: string;
  readonly reason: string | null;
  readonly at: Date;
  readonly actor: string;
}

export async function beginRollout(tx: EntityManager, begins: Begins): Promise<void> {
  const { version, begun, how, digest, reason, at, actor } = begins;
  const { commit, author } = version;
  await tx.save(keptPolicies, { name: 'staged', ...keptOf(version, begins) });
  const [startedAt, stageSince] = [at.toISOString(), at.toISOString()];
  const running = { status: 'running', stage: 0, reason, ...begun } as const;
  const row = { version: version.id, stageSince, startedAt, endedAt: null, ...running, toDigest: digest };
  const { id } = await tx.save(rollouts, row as RolloutRow);
  await beginPeriod(tx, at, { scope: 'stages', how, version, actor, reason, rollout: id });
  const stage = begun.rules.stages[0]?.name;
  await recordAudit(tx, at, [{ actor, action: 'rollout.start', target: commit, after: { digest, stage } }]);
  await enqueueEvents(tx, at, [{ type: 'rollout.started', data: { commit, author, digest, stage: stage ?? null } }]);
  await tellCommit(tx, at, commit, rollingOut(running));
}

interface Ended {
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** Null: nothing was being rolled out. */
export async function withdrawStaged(tx: EntityManager, { reason, actor, at }: Ended): Promise<StoredVersion | null> {
  const staged = await tx.findOneBy(keptPolicies, { name: 'staged' });
  if (!staged) return null;
  const version = await tx.findOneByOrFail(policyVersions, { id: staged.version });
  const { commit, author, digest } = version;
  await tx.delete(keptPolicies, { name: 'staged' });
  await tx.update(policyVersions, { id: staged.version }, { status: 'withdrawn' });
  const rollout = await endRollout(tx, 'withdrawn', reason, at);
  const active = await tx.findOneBy(policyVersions, { status: 'active' });
  if (active) await beginPeriod(tx, at, { how: 'withdraw', version: active, actor, reason, rollout });
  await endStages(tx, at);
  await recordAudit(tx, at, [{ actor, action: 'rollout.withdraw', target: commit, reason, after: { digest } }]);
  const data = { commit, author, digest: digest ?? '', actor, reason };
  await enqueueEvents(tx, at, [{ type: 'rollout.withdrawn', data }]);
  await tellCommit(tx, at, commit, takenBack(reason));
  return version;
}

/** It came after what is gone back from: nobody wants it before a person has looked. */
export async function withdrawWaiting(tx: EntityManager, reason: string, at: Date): Promise<void> {
  const newest = await tx.findOne(policyVersions, { where: {}, order: { id: 'DESC' } });
  if (newest?.status !== 'waiting') return;
  await tx.update(policyVersions, { id: newest.id }, { status: 'withdrawn' });
  await tellCommit(tx, at, newest.commit, takenBack(reason));
}

/** Answers with its number; null: there was none. */
export async function endRollout(
  tx: EntityManager,
  status: RolloutRow['status'],
  reason: string | null,
  at: Date,
): Promise<number | null> {
  const open = { status: In([...openRolloutStatuses]) };
  const row = await tx.findOneBy(rollouts, open);
  await tx.update(rollouts, open, { status, reason, endedAt: at.toISOString() });
  if (status === 'done') await endStages(tx, at);
  return row?.id ?? null;
}

export async function endHold(tx: EntityManager): Promise<void> {
  await tx.delete(policyHolds, { id: 1 });
}

export const holdOf = (tx: EntityManager, version: number): Promise<PolicyHoldRow | null> =>
  tx.findOneBy(policyHolds, { id: 1, version });

/** Who approved it; nobody waits for the answer. */
export const askForge = (tx: EntityManager, at: Date, { id, commit }: StoredVersion): Promise<void> =>
  enqueue(tx, approvalBox, at, [JSON.stringify({ version: id, commit } satisfies ApprovalQuestion)]);

export interface ApprovalQuestion {
  readonly version: number;
  readonly commit: string;
}
