import type { PolicyHoldRow } from '../store/rows.js';
import type { PolicyLoop, SourceState } from './policy-loop.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';
import { describeHold, holdRemedy } from './roll-back.js';

export interface PolicyStatus {
  readonly active:
    | (Pick<StoredVersion, 'commit' | 'author' | 'committedAt' | 'message' | 'diagnostics' | 'approvals'> & {
        readonly digest: string;
        readonly activatedAt: string;
        readonly compiledFor: string;
        readonly nextChangeAt: string | null;
      })
    | null;
  /** The newest commit, when it was refused: the one before stays in force. */
  readonly refused: StoredVersion | null;
  /** A person went back to a policy of before, and the branch does not say so yet; null: it does. */
  readonly rolledBack: RolledBackState | null;
  readonly source: SourceState;
}

interface RolledBackState extends Pick<PolicyHoldRow, 'toCommit' | 'fromCommit' | 'actor' | 'reason' | 'at'> {
  /** What the branch says. */
  readonly head: string;
  readonly summary: string;
  /** What to do. */
  readonly hint: string;
}

export async function describePolicy(loop: PolicyLoop, store: PolicyStore): Promise<PolicyStatus> {
  const refused = await store.lastRefused();
  const rolledBack = loop.hold && describeRollBack(loop.hold, loop.head);
  const { sourceState: source, active } = loop;
  if (!active) return { active: null, refused, rolledBack, source };
  const { snapshot, version } = active;
  const { commit, author, committedAt, message, diagnostics, approvals } = version;
  const { digest, compiledFor, nextChangeAt } = snapshot;
  const activatedAt = (await store.periods.inForceSince()) ?? version.at;
  return {
    active: {
      commit,
      author,
      committedAt,
      message,
      diagnostics,
      approvals,
      activatedAt,
      digest,
      compiledFor,
      nextChangeAt,
    },
    refused,
    rolledBack,
    source,
  };
}

function describeRollBack(hold: PolicyHoldRow, newest: string | null): RolledBackState {
  const { toCommit, fromCommit, actor, reason, at } = hold;
  const head = newest ?? fromCommit;
  return { toCommit, fromCommit, actor, reason, at, head, summary: describeHold(hold, head), hint: holdRemedy };
}
