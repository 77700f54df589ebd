import type { Clock } from '#base';
import type { SuspicionKind } from '#model';
import type { Mac } from '#net';
import { In, type EntityManager } from 'typeorm';
import { pageOf, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import { shownCertificates, suspicions, type SuspicionRow } from '../store/rows.js';

export interface SuspicionQuery {
  readonly mac?: Mac | undefined;
  readonly kind?: SuspicionKind | undefined;
  /** Absent: all. */
  readonly state?: SuspicionRow['state'] | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface SuspicionCount {
  readonly kind: SuspicionKind;
  readonly raised: number;
  readonly open: number;
}

/** Suspicions as people look at them, and dismiss them. What raises one is not decided here. */
export class SuspicionStore {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async list({ mac, kind, state, cursor, limit }: SuspicionQuery): Promise<Page<SuspicionRow>> {
    const rows = await this.database.read((db) => {
      const select = db
        .createQueryBuilder(suspicions, 's')
        .where('1 = 1')
        .orderBy('s.id', 'DESC')
        .take(limit + 1);
      if (mac !== undefined) select.andWhere('s.mac = :mac', { mac });
      if (kind !== undefined) select.andWhere('s.kind = :kind', { kind });
      if (state !== undefined) select.andWhere('s.state = :state', { state });
      if (cursor !== undefined) select.andWhere('s.id < :cursor', { cursor: Number(cursor) });
      return select.getMany();
    });
    return pageOf(
      rows,
      limit,
      ({ id }) => String(id),
      (row) => row,
    );
  }

  /** Since the controller keeps them. */
  count(): Promise<SuspicionCount[]> {
    return this.database.read((db) =>
      db.query(
        `SELECT kind, count(*) AS raised, sum(state = 'open') AS open FROM suspicion GROUP BY kind ORDER BY kind`,
      ),
    );
  }

  openOf(macs: readonly string[]): Promise<Map<string, SuspicionKind[]>> {
    return this.database.read((db) => openSuspicions(db, macs));
  }

  /**
   * A person says that there is nothing to it. Of a `downgrade` that means that the device has no certificate any more: until it
   * shows one again, it may come by its MAC address. The device's posture stays as it is.
   */
  dismiss(id: number, reason: string, person: string): Promise<SuspicionRow> {
    return this.database.transaction(async (tx) => {
      const row = await tx.findOneBy(suspicions, { id });
      if (!row) throw new Refusal('not-found', `there is no suspicion ${id}`);
      if (row.state !== 'open') throw new Refusal('conflict', `suspicion ${id} is ${row.state} already`);
      const before = { ...row };
      const now = this.clock.now();
      Object.assign(row, {
        state: 'dismissed',
        closedAt: now.toISOString(),
        closedBy: person,
        closedBecause: reason,
      });
      await tx.save(suspicions, row);
      if (row.kind === 'downgrade') await tx.delete(shownCertificates, { mac: row.mac });
      const entry = { actor: person, action: 'suspicion.dismiss', target: row.mac, reason, before, after: { ...row } };
      await recordAudit(tx, now, [entry]);
      return row;
    });
  }
}

/** What is open now, by device. */
export async function openSuspicions(
  db: EntityManager,
  macs: readonly string[],
): Promise<Map<string, SuspicionKind[]>> {
  const found = new Map<string, SuspicionKind[]>();
  const wanted = [...new Set(macs)] as Mac[];
  for (let i = 0; i < wanted.length; i += 1000) {
    const some = wanted.slice(i, i + 1000);
    const rows = await db.find(suspicions, { where: { mac: In(some), state: 'open' }, order: { kind: 'ASC' } });
    for (const { mac, kind } of rows) found.set(mac, [...(found.get(mac) ?? []), kind]);
  }
  return found;
}
