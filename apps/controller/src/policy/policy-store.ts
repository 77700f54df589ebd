import { formatDiagnostic, type Diagnostic } from '#base';
import type { Commit } from '#gitops';
import { In, type EntityManager } from 'typeorm';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import {
  activePolicies,
  keptPolicies,
  openRolloutStatuses,
  policyVersions,
  rollouts,
  type KeptPolicyRow,
  type PolicyVersionRow,
  type RolloutRow,
} from '../store/rows.js';
import { enqueueEvents } from '../webhooks/outbox.js';

export type StoredVersion = PolicyVersionRow;

/** The commit behind a snapshot's digest. One commit has several when a schedule begins or ends. */
export interface VersionOfDigest extends Pick<PolicyVersionRow, 'commit' | 'author' | 'committedAt' | 'message'> {
  readonly digest: string;
  /** When this digest came into force for the first time. */
  readonly inForceAt: string;
}

interface Judged {
  readonly commit: Commit;
  readonly diagnostics: readonly Diagnostic[];
  readonly at: Date;
  readonly actor: string;
}

interface Accepted extends Judged {
  readonly digest: string;
  readonly encoded: object;
  readonly files: ReadonlyMap<string, string>;
}

/** A policy with all it takes to put it into force without git. */
export interface KeptPolicy {
  readonly snapshot: unknown;
  readonly files: ReadonlyMap<string, string>;
  readonly version: StoredVersion;
}

/** Where a policy is kept: in force, being rolled out, or in force before. */
export type KeptAs = 'active' | KeptPolicyRow['name'];

interface Recompiled {
  readonly kept: 'active' | 'staged';
  readonly encoded: object;
  /** For the audit trail, with what else is to be said. */
  readonly before: { readonly digest: string };
  readonly after: { readonly digest: string };
  readonly at: Date;
  readonly testFailures: readonly Diagnostic[];
}

/** Keeps every version that was judged, and the one in force with all it takes to go on without git. */
export class PolicyStore {
  constructor(private readonly database: Database) {}

  load(as: KeptAs): Promise<KeptPolicy | null> {
    return this.database.read(async (db) => {
      const row = await rowOf(db, as);
      if (!row) return null;
      const version = await db.findOneByOrFail(policyVersions, { id: row.version });
      return { snapshot: row.snapshot, files: new Map(Object.entries(row.files)), version };
    });
  }

  versions(limit: number, before: number | null): Promise<StoredVersion[]> {
    return this.database.read((db) => {
      const query = db.createQueryBuilder(policyVersions, 'v').orderBy('v.id', 'DESC').take(limit);
      return (before === null ? query : query.where('v.id < :before', { before })).getMany();
    });
  }

  /** By digest. The audit trail knows all that were ever in force. */
  async versionsOf(digests: ReadonlySet<string>): Promise<Map<string, VersionOfDigest>> {
    const found = new Map<string, VersionOfDigest>();
    const wanted = [...digests];
    for (let i = 0; i < wanted.length; i += 500) {
      const some = wanted.slice(i, i + 500);
      const rows = await this.database.read((db) =>
        db.query<VersionOfDigest[]>(
          `SELECT json_extract(a."after", '$.digest') AS digest, min(a.at) AS inForceAt, v."commit", v.author,
             v.committedAt, v.message
           FROM audit a JOIN policy_version v ON v."commit" = a.target AND v.status <> 'refused'
           WHERE a.action IN ('policy.activate', 'policy.recompile')
             AND json_extract(a."after", '$.digest') IN (${some.map(() => '?').join(', ')})
           GROUP BY 1 ORDER BY inForceAt`,
          some,
        ),
      );
      for (const row of rows) found.set(row.digest, row);
    }
    return found;
  }

  /** The newest refused version, when nothing was activated after it. */
  async lastRefused(): Promise<StoredVersion | null> {
    const [newest] = await this.versions(1, null);
    return newest?.status === 'refused' ? newest : null;
  }

  activate(accepted: Accepted): Promise<StoredVersion> {
    const { commit, digest, encoded, files, diagnostics, at, actor } = accepted;
    return this.database.transaction(async (tx) => {
      const before = await tx.findOneBy(policyVersions, { status: 'active' });
      await keepPrevious(tx);
      const version = await saveVersion(tx, { commit, status: 'active', digest, diagnostics, at });
      await tx.save(activePolicies, {
        id: 1,
        version: version.id,
        snapshot: encoded,
        files: Object.fromEntries(files),
      });
      await recordAudit(tx, at, [
        {
          actor,
          action: 'policy.activate',
          target: commit.commit,
          ...(before ? { before: { commit: before.commit, digest: before.digest } } : {}),
          after: { commit: commit.commit, digest, author: commit.author },
        },
      ]);
      return version;
    });
  }

  /** It is to be rolled out: beside the policy in force, by the rules of that one. */
  stage(accepted: Accepted, begun: Pick<RolloutRow, 'rules' | 'fromDigest' | 'seen'>): Promise<StoredVersion> {
    const { commit, digest, encoded, files, diagnostics, at, actor } = accepted;
    return this.database.transaction(async (tx) => {
      const version = await saveVersion(tx, { commit, status: 'staged', digest, diagnostics, at });
      const kept = { version: version.id, snapshot: encoded, files: Object.fromEntries(files) };
      await tx.save(keptPolicies, { name: 'staged', ...kept });
      const [startedAt, stageSince] = [at.toISOString(), at.toISOString()];
      const row = { version: version.id, status: 'running', stage: 0, stageSince, startedAt, endedAt: null } as const;
      await tx.insert(rollouts, { ...row, ...begun, toDigest: digest, reason: null });
      await recordAudit(tx, at, [
        {
          actor,
          action: 'rollout.start',
          target: commit.commit,
          after: { digest, stage: begun.rules.stages[0]?.name },
        },
      ]);
      const data = { commit: commit.commit, author: commit.author, digest, stage: begun.rules.stages[0]?.name ?? null };
      await enqueueEvents(tx, at, [{ type: 'rollout.started', data }]);
      return version;
    });
  }

  /** It is good, and has to wait for the rollout that is under way. */
  wait({ commit, digest, diagnostics, at }: Omit<Accepted, 'encoded' | 'files'>): Promise<StoredVersion> {
    return this.database.transaction((tx) => saveVersion(tx, { commit, status: 'waiting', digest, diagnostics, at }));
  }

  /** What is being rolled out is in force everywhere. */
  promote(at: Date, by: { readonly actor: string; readonly reason: string | null }): Promise<StoredVersion> {
    return this.database.transaction(async (tx) => {
      const staged = await tx.findOneByOrFail(keptPolicies, { name: 'staged' });
      const before = await tx.findOneBy(policyVersions, { status: 'active' });
      await keepPrevious(tx);
      await tx.save(activePolicies, { id: 1, version: staged.version, snapshot: staged.snapshot, files: staged.files });
      await tx.delete(keptPolicies, { name: 'staged' });
      await tx.update(policyVersions, { id: staged.version }, { status: 'active' });
      await endRollout(tx, 'done', null, at);
      const version = await tx.findOneByOrFail(policyVersions, { id: staged.version });
      const [was, is] = [before, version].map((each) => each && { commit: each.commit, digest: each.digest });
      await recordAudit(tx, at, [
        {
          actor: by.actor,
          reason: by.reason ?? undefined,
          action: 'policy.activate',
          target: version.commit,
          ...(was && { before: was }),
          after: { ...is },
        },
      ]);
      const data = { commit: version.commit, author: version.author, digest: version.digest ?? '' };
      await enqueueEvents(tx, at, [{ type: 'rollout.done', data }]);
      return version;
    });
  }

  /** What was being rolled out is not any more. */
  withdraw(reason: string, actor: string, at: Date): Promise<void> {
    return this.database.transaction(async (tx) => {
      const staged = await tx.findOneByOrFail(keptPolicies, { name: 'staged' });
      const { commit, author, digest } = await tx.findOneByOrFail(policyVersions, { id: staged.version });
      await tx.delete(keptPolicies, { name: 'staged' });
      await tx.update(policyVersions, { id: staged.version }, { status: 'withdrawn' });
      await endRollout(tx, 'withdrawn', reason, at);
      await recordAudit(tx, at, [{ actor, action: 'rollout.withdraw', target: commit, reason, after: { digest } }]);
      const data = { commit, author, digest: digest ?? '', actor, reason };
      await enqueueEvents(tx, at, [{ type: 'rollout.withdrawn', data }]);
    });
  }

  /** The policy before comes back into force; null: none is kept. */
  restorePrevious(reason: string, actor: string, at: Date): Promise<StoredVersion | null> {
    return this.database.transaction(async (tx) => {
      const previous = await tx.findOneBy(keptPolicies, { name: 'previous' });
      const active = await tx.findOneBy(policyVersions, { status: 'active' });
      if (!previous || !active) return null;
      await tx.update(policyVersions, { id: active.id }, { status: 'withdrawn' });
      await tx.update(policyVersions, { id: previous.version }, { status: 'active' });
      const { version: id, snapshot, files } = previous;
      await tx.save(activePolicies, { id: 1, version: id, snapshot, files });
      await tx.delete(keptPolicies, { name: 'previous' });
      const version = await tx.findOneByOrFail(policyVersions, { id });
      const before = { commit: active.commit, digest: active.digest };
      const after = { commit: version.commit, digest: version.digest };
      await recordAudit(tx, at, [{ actor, action: 'policy.roll-back', target: version.commit, reason, before, after }]);
      return version;
    });
  }

  refuse(judged: Judged): Promise<void> {
    const { commit, diagnostics, at, actor } = judged;
    return this.database.transaction(async (tx) => {
      const newest = await tx.findOne(policyVersions, { where: {}, order: { id: 'DESC' } });
      const isRepeated = newest?.status === 'refused' && newest.commit === commit.commit;
      const row = { commit, status: 'refused', digest: null, diagnostics, at } as const;
      await saveVersion(tx, isRepeated ? { ...row, id: newest.id } : row);
      if (isRepeated) return;
      await recordAudit(tx, at, [
        {
          actor,
          action: 'policy.refuse',
          target: commit.commit,
          after: { errors: diagnostics.length, author: commit.author },
        },
      ]);
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      const about = { commit: commit.commit, author: commit.author, errors: errors.length };
      const first = errors[0] ? formatDiagnostic(errors[0]).split('\n')[0]! : null;
      await enqueueEvents(tx, at, [{ type: 'policy.refused', data: { ...about, first } }]);
    });
  }

  replaceSnapshot({ kept, encoded, before, after, at, testFailures }: Recompiled): Promise<StoredVersion> {
    const { digest } = after;
    return this.database.transaction(async (tx) => {
      const row = await rowOf(tx, kept);
      if (!row) throw new Error('there is no such policy to recompile');
      const id = row.version;
      if (kept === 'active') await tx.update(activePolicies, { id: 1 }, { snapshot: encoded });
      else {
        await tx.update(keptPolicies, { name: kept }, { snapshot: encoded });
        await tx.update(rollouts, { status: In([...openRolloutStatuses]) }, { toDigest: digest });
      }
      const version = await tx.findOneByOrFail(policyVersions, { id });
      await tx.save(policyVersions, { ...version, digest, diagnostics: [...testFailures] });
      await recordAudit(tx, at, [
        { actor: 'system', action: 'policy.recompile', target: version.commit, before, after },
      ]);
      return { ...version, digest };
    });
  }
}

const rowOf = (db: EntityManager, as: KeptAs): Promise<Pick<KeptPolicyRow, 'version' | 'snapshot' | 'files'> | null> =>
  as === 'active' ? db.findOneBy(activePolicies, { id: 1 }) : db.findOneBy(keptPolicies, { name: as });

/** What is in force now is what can be gone back to. */
async function keepPrevious(tx: EntityManager): Promise<void> {
  const row = await tx.findOneBy(activePolicies, { id: 1 });
  if (row) {
    const { version, snapshot, files } = row;
    await tx.save(keptPolicies, { name: 'previous', version, snapshot, files });
  }
  await tx.update(policyVersions, { status: 'active' }, { status: 'superseded' });
}

async function endRollout(
  tx: EntityManager,
  status: RolloutRow['status'],
  reason: string | null,
  at: Date,
): Promise<void> {
  await tx.update(rollouts, { status: In([...openRolloutStatuses]) }, { status, reason, endedAt: at.toISOString() });
}

interface VersionFields {
  readonly id?: number;
  readonly commit: Commit;
  readonly status: PolicyVersionRow['status'];
  readonly digest: string | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly at: Date;
}

async function saveVersion(tx: EntityManager, fields: VersionFields): Promise<StoredVersion> {
  const { id, status, digest, diagnostics, at } = fields;
  const { commit, author, committedAt, message } = fields.commit;
  const row: Omit<PolicyVersionRow, 'id'> = {
    commit,
    author,
    committedAt,
    message,
    status,
    digest,
    diagnostics: [...diagnostics],
    at: at.toISOString(),
  };
  return tx.save(policyVersions, (id === undefined ? row : { ...row, id }) as PolicyVersionRow);
}
