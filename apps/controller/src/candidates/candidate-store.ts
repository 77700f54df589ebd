import type { Commit } from '#gitops';
import type { EntityManager } from 'typeorm';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import {
  candidates,
  candidateSnapshots,
  type CandidateRow,
  type CandidateSnapshotRow,
  type CandidateState,
} from '../store/rows.js';

export interface CandidateOrder {
  readonly branch: string;
  readonly until: Date | null;
  readonly reason: string | null;
}

/** What a branch says; null where it can't be taken from the commit. */
type Files = ReadonlyMap<string, string> | null;

/** How it ends, other than by itself. */
type Ending = Exclude<CandidateState, 'running'>;

/** Which branch is in audit, with all it takes to go on without git, and which were. */
export class CandidateStore {
  constructor(private readonly database: Database) {}

  running(): Promise<CandidateRow | null> {
    return this.database.read((db) => db.findOneBy(candidates, { state: 'running' }));
  }

  /** The newest that is over. */
  last(): Promise<CandidateRow | null> {
    return this.database.read(async (db) => {
      const [row] = await db
        .find(candidates, { order: { id: 'DESC' }, take: 2 })
        .then((rows) => rows.filter(({ state }) => state !== 'running'));
      return row ?? null;
    });
  }

  /** In place of the one that is running, if there is one. */
  start(order: CandidateOrder, commit: Commit, files: Files, actor: string, at: Date): Promise<CandidateRow> {
    const { branch, until, reason } = order;
    return this.database.transaction(async (tx) => {
      await endRunning(tx, 'replaced', actor, reason, at);
      const row = {
        branch,
        until: until?.toISOString() ?? null,
        reason,
        startedAt: at.toISOString(),
        startedBy: actor,
        state: 'running',
        endedAt: null,
        ...taken(commit, files),
      } as const;
      const saved = await tx.save(candidates, row as unknown as CandidateRow);
      const after = { commit: commit.commit, until: row.until };
      await recordAudit(tx, at, [
        { actor, action: 'candidate.start', target: branch, reason: reason ?? undefined, after },
      ]);
      return saved;
    });
  }

  /** Another commit of the branch. */
  take({ id, branch, commit: before }: CandidateRow, commit: Commit, files: Files, at: Date): Promise<CandidateRow> {
    return this.database.transaction(async (tx) => {
      const change = taken(commit, files);
      await tx.update(candidates, { id }, change);
      if (before !== commit.commit)
        await recordAudit(tx, at, [
          {
            actor: 'system',
            action: 'candidate.follow',
            target: branch,
            before: { commit: before },
            after: { commit: commit.commit, author: commit.author },
          },
        ]);
      return tx.findOneByOrFail(candidates, { id });
    });
  }

  end(state: Ending, actor: string, reason: string | null, at: Date): Promise<void> {
    return this.database.transaction((tx) => endRunning(tx, state, actor, reason, at));
  }

  compiled(): Promise<Pick<CandidateSnapshotRow, 'source' | 'snapshot'> | null> {
    return this.database.read((db) => db.findOneBy(candidateSnapshots, { id: 1 }));
  }

  /** Null: there is none. */
  keepCompiled(compiled: Pick<CandidateSnapshotRow, 'source' | 'snapshot'> | null): Promise<void> {
    return this.database.transaction(async (tx) => {
      if (compiled) await tx.save(candidateSnapshots, { id: 1, ...compiled });
      else await tx.delete(candidateSnapshots, { id: 1 });
    });
  }
}

const taken = ({ commit, author, committedAt }: Commit, files: Files) => ({
  commit,
  author,
  committedAt,
  files: files && Object.fromEntries(files),
});

async function endRunning(
  tx: EntityManager,
  state: Ending,
  actor: string,
  reason: string | null,
  at: Date,
): Promise<void> {
  const row = await tx.findOneBy(candidates, { state: 'running' });
  if (!row) return;
  await tx.update(candidates, { id: row.id }, { state, endedAt: at.toISOString(), files: null });
  const action = actor === 'system' || state === 'replaced' ? `candidate.${state}` : 'candidate.stop';
  await recordAudit(tx, at, [
    { actor, action, target: row.branch, reason: reason ?? undefined, after: { commit: row.commit, state } },
  ]);
}
