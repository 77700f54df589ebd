import type { PolicyLoop, SourceState } from './policy-loop.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';

export interface PolicyStatus {
  readonly active:
    | (Pick<StoredVersion, 'commit' | 'author' | 'committedAt' | 'message' | 'diagnostics'> & {
        readonly digest: string;
        readonly activatedAt: string;
        readonly compiledFor: string;
        readonly nextChangeAt: string | null;
      })
    | null;
  /** The newest commit, when it was refused: the one before stays in force. */
  readonly refused: StoredVersion | null;
  readonly source: SourceState;
}

export async function describePolicy(loop: PolicyLoop, store: PolicyStore): Promise<PolicyStatus> {
  const refused = await store.lastRefused();
  if (!loop.active) return { active: null, refused, source: loop.sourceState };
  const { snapshot, version } = loop.active;
  const { commit, author, committedAt, message, diagnostics, at } = version;
  const { digest, compiledFor, nextChangeAt } = snapshot;
  return {
    active: { commit, author, committedAt, message, diagnostics, activatedAt: at, digest, compiledFor, nextChangeAt },
    refused,
    source: loop.sourceState,
  };
}
