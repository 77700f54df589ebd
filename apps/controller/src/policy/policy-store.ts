import { formatDiagnostic, type Diagnostic } from '#base';
import type { Commit } from '#gitops';
import { In, type EntityManager } from 'typeorm';
import {
  goesBackTo,
  inForce,
  overtakenBy,
  refusedFor,
  rolledBackTo,
  tellCommit,
  waits,
} from '../forges/commit-status.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import {
  activePolicies,
  keptPolicies,
  openRolloutStatuses,
  policyHolds,
  policyVersions,
  rollouts,
  type KeptPolicyRow,
  type PolicyHoldRow,
  type PolicyVersionRow,
} from '../store/rows.js';
import { enqueueEvents } from '../webhooks/outbox.js';
import type { Approval } from './approvals.js';
import type { FormerPolicy } from './choose-version.js';
import { beginPeriod, PeriodStore } from './periods.js';
import {
  askForge,
  beginRollout,
  endHold,
  endRollout,
  holdOf,
  keepPrevious,
  keptOf,
  withdrawStaged,
  withdrawWaiting,
  type Begun,
} from './policy-steps.js';

export type StoredVersion = PolicyVersionRow;

/** The commit behind a snapshot's digest. One commit has several when a schedule begins or ends. */
export interface VersionOfDigest extends Pick<PolicyVersionRow, 'commit' | 'author' | 'committedAt' | 'message'> {
  readonly digest: string;
  /** When this digest came into force for the first time. */
  readonly inForceAt: string;
}

interface Judged {
  readonly commit: Commit;
  readonly approvals: readonly Approval[];
  readonly diagnostics: readonly Diagnostic[];
  readonly at: Date;
  readonly actor: string;
}

interface Accepted extends Judged {
  readonly digest: string;
  readonly encoded: object;
  readonly files: ReadonlyMap<string, string>;
}

/** A version of before that is to be in force again. */
export interface BroughtBack extends Omit<Accepted, 'commit' | 'approvals'> {
  readonly version: StoredVersion;
  readonly reason: string;
  /** Commits that are not taken by themselves until another one comes; none: the branch says what is brought back. */
  readonly held: readonly string[];
  /** Null: it is in force everywhere at once. */
  readonly begun: Begun | null;
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
  readonly periods: PeriodStore;

  constructor(private readonly database: Database) {
    this.periods = new PeriodStore(database);
  }

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

  /** By id. */
  async versionsById(ids: readonly number[]): Promise<Map<number, StoredVersion>> {
    const rows = await this.database.read((db) => db.findBy(policyVersions, { id: In([...new Set(ids)]) }));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** The newest of a commit; null: it was never judged. */
  newestOf(commit: string): Promise<StoredVersion | null> {
    return this.database.read((db) => db.findOne(policyVersions, { where: { commit }, order: { id: 'DESC' } }));
  }

  /** Whose commit or digest begins with these digits, newest first. */
  beginningWith(digits: string): Promise<StoredVersion[]> {
    return this.database.read((db) =>
      db
        .createQueryBuilder(policyVersions, 'v')
        .where('substr(v.commit, 1, :length) = :digits OR substr(v.digest, 1, :length) = :digits', {
          digits,
          length: digits.length,
        })
        .orderBy('v.id', 'DESC')
        .take(20)
        .getMany(),
    );
  }

  /** Those that were in force everywhere, newest first; of a commit the newest version. */
  async former(): Promise<FormerPolicy[]> {
    const past = await this.periods.past();
    const versions = await this.versionsById(past.map(({ version }) => version));
    const byCommit = new Map<string, FormerPolicy>();
    for (const { version: id, digests } of past) {
      const version = versions.get(id);
      if (!version) continue;
      const known = byCommit.get(version.commit);
      byCommit.set(version.commit, {
        version: known?.version ?? version,
        digests: [...(known?.digests ?? []), ...digests],
      });
    }
    return [...byCommit.values()];
  }

  /** The rollback that the branch has not followed yet. */
  hold(): Promise<PolicyHoldRow | null> {
    return this.database.read((db) => db.findOneBy(policyHolds, { id: 1 }));
  }

  /** The branch says again what is in force, or a person wants what it says. */
  endHold(): Promise<void> {
    return this.database.transaction(endHold);
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
           WHERE a.action IN ('policy.activate', 'policy.recompile', 'policy.roll-back')
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
    const { commit, approvals, digest, encoded, files, diagnostics, at, actor } = accepted;
    return this.database.transaction(async (tx) => {
      const before = await tx.findOneBy(policyVersions, { status: 'active' });
      await keepPrevious(tx);
      const version = await saveVersion(tx, { commit, status: 'active', digest, diagnostics, at, approvals });
      await beginPeriod(tx, at, { how: 'activate', version, actor });
      await endHold(tx);
      await askForge(tx, at, version);
      await tx.save(activePolicies, { id: 1, ...keptOf(version, { encoded, files }) });
      await recordAudit(tx, at, [
        {
          actor,
          action: 'policy.activate',
          target: commit.commit,
          ...(before ? { before: { commit: before.commit, digest: before.digest } } : {}),
          after: { commit: commit.commit, digest, author: commit.author },
        },
      ]);
      await tellCommit(tx, at, commit.commit, inForce);
      return version;
    });
  }

  /** It is to be rolled out: beside the policy in force, by the rules of that one. */
  stage(accepted: Accepted, begun: Begun): Promise<StoredVersion> {
    const { commit, approvals, digest, diagnostics, at } = accepted;
    return this.database.transaction(async (tx) => {
      const version = await saveVersion(tx, { commit, status: 'staged', digest, diagnostics, at, approvals });
      await beginRollout(tx, { ...accepted, version, begun, how: 'stage', reason: null });
      await endHold(tx);
      await askForge(tx, at, version);
      return version;
    });
  }

  /** It is good, and has to wait for the rollout that is under way. */
  wait({ commit, approvals, digest, diagnostics, at }: Omit<Accepted, 'encoded' | 'files'>): Promise<StoredVersion> {
    return this.database.transaction(async (tx) => {
      const version = await saveVersion(tx, { commit, status: 'waiting', digest, diagnostics, at, approvals });
      await tellCommit(tx, at, commit.commit, waits);
      return version;
    });
  }

  /** What is being rolled out is in force everywhere. */
  promote(at: Date, by: { readonly actor: string; readonly reason: string | null }): Promise<StoredVersion> {
    return this.database.transaction(async (tx) => {
      const staged = await tx.findOneByOrFail(keptPolicies, { name: 'staged' });
      const before = await tx.findOneBy(policyVersions, { status: 'active' });
      const hold = await holdOf(tx, staged.version);
      await keepPrevious(tx, hold ? 'withdrawn' : 'superseded');
      await tx.save(activePolicies, { id: 1, version: staged.version, snapshot: staged.snapshot, files: staged.files });
      await tx.delete(keptPolicies, { name: 'staged' });
      await tx.update(policyVersions, { id: staged.version }, { status: 'active' });
      const rollout = await endRollout(tx, 'done', null, at);
      const version = await tx.findOneByOrFail(policyVersions, { id: staged.version });
      await beginPeriod(tx, at, { how: 'promote', version, ...by, rollout });
      if (hold && before) await tellCommit(tx, at, before.commit, rolledBackTo(hold));
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
      await tellCommit(tx, at, version.commit, inForce);
      return version;
    });
  }

  /** What was being rolled out is not any more. A rollback that was is none then. */
  withdraw(reason: string, actor: string, at: Date): Promise<void> {
    return this.database.transaction(async (tx) => {
      const staged = await withdrawStaged(tx, { reason, actor, at });
      const active = await tx.findOneBy(policyVersions, { status: 'active' });
      if (!(await holdOf(tx, staged?.id ?? 0))) return;
      await endHold(tx);
      if (active) await tellCommit(tx, at, active.commit, inForce);
    });
  }

  /** All of it, or nothing: what was being rolled out goes, and what came later is not taken by itself. */
  rollBack(back: BroughtBack): Promise<StoredVersion> {
    const { version: to, digest, diagnostics, reason, held, begun, at, actor } = back;
    return this.database.transaction(async (tx) => {
      const active = await tx.findOneByOrFail(policyVersions, { status: 'active' });
      const staged = await withdrawStaged(tx, { reason, actor, at });
      await withdrawWaiting(tx, reason, at);
      const from = active.id === to.id && staged ? staged : active;
      const hold: PolicyHoldRow = {
        id: 1,
        version: to.id,
        toCommit: to.commit,
        fromCommit: from.commit,
        held: [...held],
        actor,
        reason,
        at: at.toISOString(),
      };
      if (held.length > 0) await tx.save(policyHolds, hold);
      else await endHold(tx);
      const before = { commit: from.commit, digest: from.digest };
      const after = { commit: to.commit, digest, ...(begun && { stage: begun.rules.stages[0]?.name }) };
      await recordAudit(tx, at, [{ actor, action: 'policy.roll-back', target: to.commit, reason, before, after }]);
      const data = { commit: to.commit, digest, from: from.commit, actor, reason };
      await enqueueEvents(tx, at, [{ type: 'policy.rolled-back', data }]);
      if (active.id === to.id) return active;
      const version: StoredVersion = {
        ...to,
        digest,
        diagnostics: [...diagnostics],
        status: begun ? 'staged' : 'active',
      };
      if (begun) {
        await tx.save(policyVersions, version);
        await beginRollout(tx, { ...back, version, begun, how: 'roll-back' });
        await tellCommit(tx, at, active.commit, goesBackTo(hold));
      } else {
        await keepPrevious(tx, 'withdrawn');
        await tx.save(policyVersions, version);
        await tx.save(activePolicies, { id: 1, ...keptOf(version, back) });
        await beginPeriod(tx, at, { how: 'roll-back', version, actor, reason });
        await tellCommit(tx, at, active.commit, rolledBackTo(hold));
        await tellCommit(tx, at, to.commit, inForce);
      }
      if (version.asked === null) await askForge(tx, at, version);
      return version;
    });
  }

  refuse(judged: Judged): Promise<void> {
    const { commit, approvals, diagnostics, at, actor } = judged;
    return this.database.transaction(async (tx) => {
      const newest = await tx.findOne(policyVersions, { where: {}, order: { id: 'DESC' } });
      const isRepeated = newest?.status === 'refused' && newest.commit === commit.commit;
      const row = { commit, status: 'refused', digest: null, diagnostics, at, approvals } as const;
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
      await tellCommit(tx, at, commit.commit, refusedFor(diagnostics));
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
      const scope = kept === 'active' ? 'everywhere' : 'stages';
      await beginPeriod(tx, at, { scope, how: 'recompile', version: { id, digest }, actor: 'system' });
      await recordAudit(tx, at, [
        { actor: 'system', action: 'policy.recompile', target: version.commit, before, after },
      ]);
      return { ...version, digest };
    });
  }
}

const rowOf = (db: EntityManager, as: KeptAs): Promise<Pick<KeptPolicyRow, 'version' | 'snapshot' | 'files'> | null> =>
  as === 'active' ? db.findOneBy(activePolicies, { id: 1 }) : db.findOneBy(keptPolicies, { name: as });

interface VersionFields {
  readonly id?: number;
  readonly commit: Commit;
  readonly status: PolicyVersionRow['status'];
  readonly digest: string | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly at: Date;
  readonly approvals: readonly Approval[];
}

async function saveVersion(tx: EntityManager, fields: VersionFields): Promise<StoredVersion> {
  const { id, status, digest, diagnostics, at, approvals } = fields;
  const { commit, author, committedAt, message } = fields.commit;
  if (id === undefined) await tellOvertaken(tx, commit, at);
  const row: Omit<PolicyVersionRow, 'id'> = {
    commit,
    author,
    committedAt,
    message,
    status,
    digest,
    diagnostics: [...diagnostics],
    at: at.toISOString(),
    approvals: [...approvals],
    asked: null,
  };
  return tx.save(policyVersions, (id === undefined ? row : { ...row, id }) as PolicyVersionRow);
}

/** A commit that waits is not judged any more once another one came. */
async function tellOvertaken(tx: EntityManager, by: string, at: Date): Promise<void> {
  const newest = await tx.findOne(policyVersions, { where: {}, order: { id: 'DESC' } });
  if (newest?.status === 'waiting' && newest.commit !== by) await tellCommit(tx, at, newest.commit, overtakenBy(by));
}
