import { IsNull, type EntityManager } from 'typeorm';
import type { Database } from '../store/database.js';
import { policyPeriods, type PeriodChange, type PolicyPeriodRow } from '../store/rows.js';
import type { StoredVersion } from './policy-store.js';

type Scope = PolicyPeriodRow['scope'];

interface Begins extends Pick<PolicyPeriodRow, 'how' | 'actor'> {
  readonly version: Pick<StoredVersion, 'id' | 'digest'>;
  readonly scope?: Scope;
  readonly reason?: string | null;
  readonly rollout?: number | null;
}

/** INVARIANT: called with the same `tx` as what happened, so neither is ever stored without the other. */
export async function beginPeriod(tx: EntityManager, at: Date, begins: Begins): Promise<void> {
  const { scope = 'everywhere', how, version, actor, reason = null, rollout = null } = begins;
  const since = at.toISOString();
  const open = await openPeriod(tx, scope);
  // What devices at covered places had until now.
  const covered = how === 'withdraw' ? await openPeriod(tx, 'stages') : null;
  const before = covered ?? open ?? (await openPeriod(tx, 'everywhere'));
  const follows = before?.id ?? null;
  const change = how === 'promote' ? await changeOfRollout(tx, rollout) : null;
  if (open) await tx.update(policyPeriods, { id: open.id }, { until: since });
  const row = { scope, how, version: version.id, digest: version.digest ?? '', since, until: null };
  await tx.insert(policyPeriods, { ...row, actor, reason, rollout, follows, change });
}

/** What was being rolled out is not any more, however it ended. */
export async function endStages(tx: EntityManager, at: Date): Promise<void> {
  await tx.update(policyPeriods, { scope: 'stages', until: IsNull() }, { until: at.toISOString() });
}

const openPeriod = (tx: EntityManager, scope: Scope): Promise<PolicyPeriodRow | null> =>
  tx.findOneBy(policyPeriods, { scope, until: IsNull() });

/** It is the same at its end: what is in force did not change meanwhile. */
async function changeOfRollout(tx: EntityManager, rollout: number | null): Promise<PeriodChange | null> {
  if (rollout === null) return null;
  const [first] = await tx.find(policyPeriods, { where: { rollout, scope: 'stages' }, order: { id: 'ASC' }, take: 1 });
  return first?.change ?? null;
}

/** A policy that was in force everywhere, and the digests that it had. */
export interface PastPolicy {
  readonly version: number;
  readonly digests: readonly string[];
}

/** Which policy was in force when. */
export class PeriodStore {
  constructor(private readonly database: Database) {}

  list(limit: number, before: number | null): Promise<PolicyPeriodRow[]> {
    return this.database.read((db) => {
      const query = db.createQueryBuilder(policyPeriods, 'p').orderBy('p.id', 'DESC').take(limit);
      return (before === null ? query : query.where('p.id < :before', { before })).getMany();
    });
  }

  find(id: number): Promise<PolicyPeriodRow | null> {
    return this.database.read((db) => db.findOneBy(policyPeriods, { id }));
  }

  /** The oldest whose change is not worked out. */
  nextUnknown(): Promise<PolicyPeriodRow | null> {
    return this.database.read(async (db) => {
      const query = db.createQueryBuilder(policyPeriods, 'p').where('p.change IS NULL AND p.follows IS NOT NULL');
      return query.orderBy('p.id', 'ASC').take(1).getOne();
    });
  }

  setChange(id: number, change: PeriodChange): Promise<void> {
    return this.database.transaction(async (tx) => void (await tx.update(policyPeriods, { id }, { change })));
  }

  /** All that were in force everywhere. */
  past(): Promise<PastPolicy[]> {
    return this.database.read(async (db) => {
      const rows = await db.query<{ version: number; digest: string }[]>(
        `SELECT DISTINCT version, digest FROM policy_period WHERE scope = 'everywhere' ORDER BY version DESC`,
      );
      const byVersion = Map.groupBy(rows, ({ version }) => version);
      return [...byVersion].map(([version, of]) => ({ version, digests: of.map(({ digest }) => digest) }));
    });
  }

  /** When the policy that is in force came into force: a schedule that changed it since does not count. */
  inForceSince(): Promise<string | null> {
    return this.database.read(async (db) => {
      const [row] = await db.query<{ since: string | null }[]>(
        `SELECT max(since) AS since FROM policy_period WHERE scope = 'everywhere' AND how IN ('activate', 'promote', 'roll-back')`,
      );
      return row?.since ?? null;
    });
  }

  /** When what is in force everywhere became what it is. */
  newestSince(): Promise<string | null> {
    return this.database.read(async (db) => (await openPeriod(db, 'everywhere'))?.since ?? null);
  }
}
