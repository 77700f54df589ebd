import { noOrders, type Convergence, type DevicePosture, type Orders, type Session } from '#model';
import type { Mac } from '#net';
import { pageOf, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { deviceUnderOrders } from '../orders/order-store.js';
import type { Database } from '../store/database.js';
import { sessions, type BridgeRow, bridges } from '../store/rows.js';

export interface SessionQuery {
  readonly mac?: Mac | undefined;
  readonly nas?: string | undefined;
  readonly site?: string | undefined;
  readonly class?: string | undefined;
  readonly segment?: string | undefined;
  readonly state?: Session['state'] | undefined;
  readonly method?: Session['method'] | undefined;
  readonly convergence?: Convergence['state'] | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

const columns = ['mac', 'nas', 'site', 'class', 'segment', 'state', 'method'] as const;

/** Of the page that ends with this session. */
export const sessionCursor = ({ startedAt, id }: Pick<Session, 'startedAt' | 'id'>): string => `${startedAt}~${id}`;

/** An open session with what the registry says of its device *now* (null: no record). */
export interface LiveSession {
  readonly id: string;
  readonly mac: Mac;
  readonly site: string;
  readonly method: Session['method'];
  readonly addresses: readonly string[];
  readonly updatedAt: string;
  readonly class: string | null;
  readonly posture: DevicePosture | null;
  /** Where its port is now, and as what: what the switch was told last, which may be behind the registry. */
  readonly segment: string | null;
  readonly role: string | null;
  /** By which policy it was told that. */
  readonly snapshotDigest: string;
  readonly convergence: Convergence['state'];
  /** In clinical use since then. */
  readonly inUse: string | null;
}

/** Reads what the bridges reported. They are the authority on sessions: nothing here changes one. */
export class SessionStore {
  constructor(
    private readonly database: Database,
    private readonly orders: { readonly current: Orders } = { current: noOrders },
  ) {}

  async list(query: SessionQuery): Promise<Page<Session>> {
    const rows = await this.database.read((db) => {
      const select = db
        .createQueryBuilder(sessions, 's')
        .orderBy('s.startedAt', 'DESC')
        .addOrderBy('s.id', 'DESC')
        .take(query.limit + 1);
      for (const column of columns) {
        if (query[column] !== undefined) select.andWhere(`s.${column} = :${column}`, { [column]: query[column] });
      }
      if (query.convergence)
        select.andWhere(`json_extract(s.document, '$.convergence.state') = :convergence`, {
          convergence: query.convergence,
        });
      if (query.cursor) {
        const [startedAt, ...id] = query.cursor.split('~');
        select.andWhere('(s.startedAt < :startedAt OR (s.startedAt = :startedAt AND s.id < :id))', {
          startedAt,
          id: id.join('~'),
        });
      }
      return select.getMany();
    });
    return pageOf(rows, query.limit, sessionCursor, (row) => row.document);
  }

  async get(id: string): Promise<Session> {
    const row = await this.database.read((db) => db.findOneBy(sessions, { id }));
    if (!row) throw new Refusal('not-found', `there is no session \`${id}\``);
    return row.document;
  }

  /** All open sessions, joined with the registry. Only the columns that decide, so that ten thousand stay cheap. */
  async live(): Promise<LiveSession[]> {
    const rows = await this.database.read((db) =>
      db.query<(Omit<LiveSession, 'addresses'> & { addresses: string })[]>(
        `SELECT s.id, s.mac, s.site, s.method, s.addresses, s.updatedAt, d.class, d.posture, d.inUse,
           json_extract(s.document, '$.segment') AS segment, json_extract(s.document, '$.role') AS role,
           json_extract(s.document, '$.snapshotDigest') AS snapshotDigest,
           json_extract(s.document, '$.convergence.state') AS convergence
         FROM session s LEFT JOIN device d ON d.mac = s.mac WHERE s.state = 'open'`,
      ),
    );
    const { current } = this.orders;
    return rows.map((row) => {
      const device = deviceUnderOrders(current, row.mac, row);
      // What is opened for a patient does not wait for one.
      const inUse = device === row ? row.inUse : null;
      return { ...device, inUse, addresses: JSON.parse(row.addresses) as string[] };
    });
  }

  countOpen(): Promise<number> {
    return this.database.read((db) => db.countBy(sessions, { state: 'open' }));
  }

  bridges(): Promise<BridgeRow[]> {
    return this.database.read((db) => db.find(bridges, { order: { id: 'ASC' } }));
  }
}
