import type { Authentication, SuspicionKind } from '#model';
import type { Mac } from '#net';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { pageOf, type Page } from '../http/paging.js';
import type { Database } from '../store/database.js';
import { authentications, type AuthenticationRow } from '../store/rows.js';
import { openSuspicions } from '../suspicions/suspicion-store.js';

export interface AuthenticationFilter {
  readonly mac?: Mac | undefined;
  readonly nas?: string | undefined;
  readonly port?: string | undefined;
  readonly outcome?: Authentication['outcome'] | undefined;
  readonly segment?: string | undefined;
}

export interface AuthenticationQuery extends AuthenticationFilter {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface AuthenticationView extends Authentication {
  /** In order of arrival. */
  readonly id: number;
  readonly bridge: string;
}

/** With what the device is suspected of now. */
export interface MarkedAuthentication extends AuthenticationView {
  readonly suspicions: readonly SuspicionKind[];
}

/** What came since a number, and up to which number that was looked for. */
export interface Arrivals {
  readonly rows: readonly MarkedAuthentication[];
  readonly upTo: number;
}

/** Rows that are looked through at once: few of them may be what is asked for. */
const window = 5000;

export const viewOf = ({ id, bridge, document }: AuthenticationRow): AuthenticationView => ({
  id,
  bridge,
  ...document,
});

/** Reads the decisions that bridges reported: by device, port, switch, outcome and time, newest first, or as they arrive. */
export class AuthenticationStore {
  constructor(private readonly database: Database) {}

  async list(query: AuthenticationQuery): Promise<Page<MarkedAuthentication>> {
    const rows = await this.database.read(async (db) => marked(db, await selectAuthentications(db, query).getMany()));
    return pageOf(
      rows,
      query.limit,
      ({ at, id }) => `${at}~${id}`,
      (row) => row,
    );
  }

  /** Number of the oldest that is stored, and the last that was given out, which may be deleted since. */
  async bounds(): Promise<{ first: number; last: number }> {
    const [row] = await this.database.read((db) =>
      db.query<{ first: number | null; last: number | null }[]>(
        `SELECT (SELECT min(id) FROM authentication) AS first,
           (SELECT seq FROM sqlite_sequence WHERE name = 'authentication') AS last`,
      ),
    );
    const last = row?.last ?? 0;
    return { first: row?.first ?? last + 1, last };
  }

  /** The number after which the newest `count` begin. */
  async before(filter: AuthenticationFilter, count: number, last: number): Promise<number> {
    if (count === 0) return last;
    const { items } = await this.list({ ...filter, limit: count });
    return Math.min(last, ...items.map(({ id }) => id - 1));
  }

  /** Oldest first. Looks at a bounded number of rows; who wants more asks again from `upTo`. */
  async after(id: number, last: number, filter: AuthenticationFilter): Promise<Arrivals> {
    const upTo = Math.min(last, id + window);
    const rows = await this.database.read(async (db) => {
      const select = db.createQueryBuilder(authentications, 'a').where('a.id > :id AND a.id <= :upTo', { id, upTo });
      return marked(db, await filtered(select, filter).orderBy('a.id').getMany());
    });
    return { rows, upTo };
  }
}

async function marked(db: EntityManager, rows: readonly AuthenticationRow[]): Promise<MarkedAuthentication[]> {
  const open = await openSuspicions(
    db,
    rows.flatMap(({ mac }) => mac ?? []),
  );
  return rows.map((row) => ({ ...viewOf(row), suspicions: open.get(row.mac ?? '') ?? [] }));
}

export function selectAuthentications(
  db: EntityManager,
  query: AuthenticationQuery,
): SelectQueryBuilder<AuthenticationRow> {
  const { from, to, cursor, limit } = query;
  const select = filtered(db.createQueryBuilder(authentications, 'a').where('1 = 1'), query)
    .orderBy('a.at', 'DESC')
    .addOrderBy('a.id', 'DESC')
    .take(limit + 1);
  if (from !== undefined) select.andWhere('a.at >= :from', { from });
  if (to !== undefined) select.andWhere('a.at <= :to', { to });
  if (cursor !== undefined) {
    const [at, id] = cursor.split('~');
    select.andWhere('(a.at, a.id) < (:at, :id)', { at, id: Number(id) });
  }
  return select;
}

/**
 * Only accepts have a segment, so the index over both serves each of the two alone. A device or a switch says more than either:
 * `|| ''` keeps SQLite, which knows nothing of how often a value occurs, from taking that index then.
 */
function filtered(
  select: SelectQueryBuilder<AuthenticationRow>,
  { mac, nas, port, outcome, segment }: AuthenticationFilter,
): SelectQueryBuilder<AuthenticationRow> {
  if (mac !== undefined) select.andWhere('a.mac = :mac', { mac });
  if (nas !== undefined) select.andWhere('a.nas = :nas', { nas });
  if (port !== undefined) select.andWhere('a.nasPort = :port', { port });
  const isNarrow = mac !== undefined || nas !== undefined;
  if (segment !== undefined) {
    if (isNarrow) select.andWhere("a.segment || '' = :segment", { segment });
    else select.andWhere("a.outcome = 'accept' AND a.segment = :segment", { segment });
  }
  if (outcome !== undefined) {
    if (isNarrow) select.andWhere("a.outcome || '' = :outcome", { outcome });
    else select.andWhere(outcome === 'reject' ? "a.outcome = 'reject' AND a.segment IS NULL" : "a.outcome = 'accept'");
  }
  return select;
}
