import type { Convergence, Session } from '#model';
import type { Mac } from '#net';
import { pageOf, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
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

/** Reads what the bridges reported. They are the authority on sessions: nothing here changes one. */
export class SessionStore {
  constructor(private readonly database: Database) {}

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

  countOpen(): Promise<number> {
    return this.database.read((db) => db.countBy(sessions, { state: 'open' }));
  }

  bridges(): Promise<BridgeRow[]> {
    return this.database.read((db) => db.find(bridges, { order: { id: 'ASC' } }));
  }
}
