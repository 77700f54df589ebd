import type { RolloutStore } from '../rollouts/rollout-store.js';
import type { PolicyPeriodRow, RolloutRow } from '../store/rows.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';

/** A time that a policy was in force: what, by whom, who approved it, what it changed, and what became of it. */
export interface PolicyPeriod
  extends
    Pick<PolicyPeriodRow, 'id' | 'since' | 'until' | 'how' | 'scope' | 'digest' | 'actor' | 'reason' | 'change'>,
    Pick<StoredVersion, 'commit' | 'author' | 'committedAt' | 'message' | 'approvals' | 'asked'> {
  /** Null: it needed none. */
  readonly rollout: Pick<RolloutRow, 'id' | 'status' | 'reason'> | null;
}

export async function describeHistory(
  rows: readonly PolicyPeriodRow[],
  store: Pick<PolicyStore, 'versionsById'>,
  rollouts: Pick<RolloutStore, 'byIds'>,
): Promise<PolicyPeriod[]> {
  const versions = await store.versionsById(rows.map(({ version }) => version));
  const known = await rollouts.byIds(rows.flatMap(({ rollout }) => rollout ?? []));
  return rows.flatMap((row) => {
    const version = versions.get(row.version);
    if (!version) return [];
    const { id, since, until, how, scope, digest, actor, reason, change } = row;
    const { commit, author, committedAt, message, approvals, asked } = version;
    const rollout = known.get(row.rollout ?? 0);
    return {
      id,
      since,
      until,
      how,
      scope,
      digest,
      commit,
      author,
      committedAt,
      message,
      approvals,
      asked,
      actor,
      reason,
      change,
      rollout: rollout ? { id: rollout.id, status: rollout.status, reason: rollout.reason } : null,
    };
  });
}
