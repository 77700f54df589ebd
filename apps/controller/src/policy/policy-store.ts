import type { Diagnostic } from '#base';
import type { Commit } from '#gitops';
import type { EntityManager } from 'typeorm';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import { activePolicies, policyVersions, type PolicyVersionRow } from '../store/rows.js';

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

interface Recompiled {
  readonly digest: string;
  readonly encoded: object;
  readonly before: { readonly digest: string };
  readonly at: Date;
  readonly testFailures: readonly Diagnostic[];
}

/** Keeps every version that was judged, and the one in force with all it takes to go on without git. */
export class PolicyStore {
  constructor(private readonly database: Database) {}

  loadActive(): Promise<{ snapshot: unknown; version: StoredVersion } | null> {
    return this.database.read(async (db) => {
      const row = await db.findOneBy(activePolicies, { id: 1 });
      if (!row) return null;
      return { snapshot: row.snapshot, version: await db.findOneByOrFail(policyVersions, { id: row.version }) };
    });
  }

  async loadFiles(): Promise<Map<string, string>> {
    const row = await this.database.read((db) => db.findOneByOrFail(activePolicies, { id: 1 }));
    return new Map(Object.entries(row.files));
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
      await tx.update(policyVersions, { status: 'active' }, { status: 'superseded' });
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
    });
  }

  replaceSnapshot({ digest, encoded, before, at, testFailures }: Recompiled): Promise<StoredVersion> {
    return this.database.transaction(async (tx) => {
      const { version: id } = await tx.findOneByOrFail(activePolicies, { id: 1 });
      await tx.update(activePolicies, { id: 1 }, { snapshot: encoded });
      const version = await tx.findOneByOrFail(policyVersions, { id });
      await tx.save(policyVersions, { ...version, digest, diagnostics: [...testFailures] });
      await recordAudit(tx, at, [
        { actor: 'system', action: 'policy.recompile', target: version.commit, before, after: { digest } },
      ]);
      return { ...version, digest };
    });
  }
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
  const { id, commit, status, digest, diagnostics, at } = fields;
  const row: Omit<PolicyVersionRow, 'id'> = {
    ...commit,
    status,
    digest,
    diagnostics: [...diagnostics],
    at: at.toISOString(),
  };
  return tx.save(policyVersions, (id === undefined ? row : { ...row, id }) as PolicyVersionRow);
}
