import type { Mac } from '#net';
import type { Coverage } from '#policy';
import { In } from 'typeorm';
import { rollingOut, tellCommit } from '../forges/commit-status.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import {
  authentications,
  openRolloutStatuses,
  policyVersions,
  rollouts,
  type PolicyVersionRow,
  type RolloutRow,
} from '../store/rows.js';
import { enqueueEvents } from '../webhooks/outbox.js';

export interface RolloutOfVersion extends RolloutRow {
  readonly commit: PolicyVersionRow['commit'];
  readonly author: PolicyVersionRow['author'];
  readonly message: PolicyVersionRow['message'];
}

interface Seen {
  readonly authenticated: number;
  readonly rejected: number;
}

/** What policy alone can cause: an unknown password or a certificate that ended says nothing of a rollout. */
const causedByPolicy = new Set(['no-grant', 'no-port-acl', 'not-renderable']);

/** Rollouts, and what sessions and authentications say of one. */
export class RolloutStore {
  constructor(private readonly database: Database) {}

  /** The one that is not over; null: none. */
  current(): Promise<RolloutRow | null> {
    return this.database.read((db) => db.findOneBy(rollouts, { status: In([...openRolloutStatuses]) }));
  }

  list(limit: number, before: number | null): Promise<RolloutOfVersion[]> {
    return this.database.read(async (db) => {
      const query = db.createQueryBuilder(rollouts, 'r').orderBy('r.id', 'DESC').take(limit);
      const rows = await (before === null ? query : query.where('r.id < :before', { before })).getMany();
      const versions = await db.findBy(policyVersions, { id: In(rows.map(({ version }) => version)) });
      const byId = new Map(versions.map((version) => [version.id, version]));
      return rows.map((row) => {
        const { commit = '', author = '', message = '' } = byId.get(row.version) ?? {};
        return { ...row, commit, author, message };
      });
    });
  }

  async byIds(ids: readonly number[]): Promise<Map<number, RolloutRow>> {
    const rows = await this.database.read((db) => db.findBy(rollouts, { id: In([...new Set(ids)]) }));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** `audit`: who did it, and what the trail calls it. */
  change(
    row: RolloutRow,
    change: Partial<Pick<RolloutRow, 'status' | 'stage' | 'stageSince' | 'reason' | 'seen'>>,
    audit: { readonly actor: string; readonly action: string },
    at: Date,
  ): Promise<RolloutRow> {
    const after = { ...row, ...change };
    const { stage, status } = after;
    return this.database.transaction(async (tx) => {
      await tx.update(rollouts, { id: row.id }, change);
      const state = { rollout: row.id, status, stage: row.rules.stages[stage]?.name };
      const reason = change.reason ?? undefined;
      await recordAudit(tx, at, [
        { ...audit, target: row.toDigest, after: state, ...(reason !== undefined && { reason }) },
      ]);
      if (change.status === 'halted') {
        const data = { rollout: row.id, digest: row.toDigest, stage: state.stage ?? null, reason: reason ?? '' };
        await enqueueEvents(tx, at, [{ type: 'rollout.halted', data }]);
      }
      const { commit } = await tx.findOneByOrFail(policyVersions, { id: row.version });
      await tellCommit(tx, at, commit, rollingOut(after));
      return after;
    });
  }

  lastAuthentication(): Promise<number> {
    return this.database.read(async (db) => {
      const row = await db.findOne(authentications, { where: {}, order: { id: 'DESC' }, select: { id: true } });
      return row?.id ?? 0;
    });
  }

  /** Devices that authenticated at covered places since then, and those that were rejected last, by policy. */
  authenticatedSince(id: number, coverage: Coverage, nasSites: ReadonlyMap<string, string>): Promise<Seen> {
    return this.database.read(async (db) => {
      const rows = await db.query<
        { mac: string; nas: string; outcome: string; site: string | null; code: string | null }[]
      >(
        `SELECT a.mac, a.nas, a.outcome, json_extract(a.document, '$.site') AS site, json_extract(a.document, '$.code') AS code
         FROM authentication a JOIN (SELECT mac, max(id) AS id FROM authentication WHERE id > ? AND mac IS NOT NULL GROUP BY mac) last
           ON last.id = a.id`,
        [id],
      );
      let [authenticated, rejected] = [0, 0];
      for (const { mac, nas, outcome, site, code } of rows) {
        const at = site ?? nasSites.get(nas) ?? '';
        if (!coverage.sites.has(at) && !coverage.devices.has(mac as Mac)) continue;
        const isByPolicy = outcome === 'reject' && causedByPolicy.has(code ?? '');
        if (outcome === 'accept' || isByPolicy) authenticated++;
        if (isByPolicy) rejected++;
      }
      return { authenticated, rejected };
    });
  }

  /** Devices that had been told this policy, whose session ended since then, and that are on no port for so long. */
  missing(digest: string, since: string, before: string): Promise<number> {
    return this.database.read(async (db) => {
      const [row] = await db.query<{ count: number }[]>(
        `SELECT count(DISTINCT s.mac) AS count FROM session s
         WHERE s.state = 'closed' AND s.endedAt >= ? AND s.endedAt < ? AND json_extract(s.document, '$.snapshotDigest') = ?
           AND NOT EXISTS (SELECT 1 FROM session o WHERE o.mac = s.mac AND (o.state = 'open' OR o.endedAt >= ?))`,
        [since, before, digest, before],
      );
      return row?.count ?? 0;
    });
  }
}
