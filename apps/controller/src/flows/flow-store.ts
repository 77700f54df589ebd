import type { EntityManager, EntitySchema } from 'typeorm';
import type { Mac } from '#net';
import type { Database } from '../store/database.js';
import { writerOf } from '../store/many-rows.js';
import type { FlowRow } from '../store/rows.js';
import { hourOf, joinFlows, type FlowSource, type HourlyFlow } from './hourly-flow.js';

export interface FlowQuery {
  readonly since: Date;
  readonly class?: string | undefined;
  readonly point?: string | undefined;
  readonly limit: number;
}

/** Several hours of the same. */
export type FlowTotal = Omit<FlowRow, 'id' | 'at'>;

/** What one hour of one point may fill; what comes after is told together, without destination and service. */
export interface FlowLimits {
  readonly flows: number;
  /** Of one class, those that were not seen to be answered: a device that scans the network tries everything. */
  readonly unanswered: number;
  /** Named for one flow. */
  readonly sources: number;
}

/** In one transaction: others wait meanwhile. */
const chunk = 500;

/** Keeps flows by the hour, under the name of who told them. How long: see `Retention`. */
export class FlowStore {
  private readonly table: string;
  private readonly insert: (tx: EntityManager, rows: readonly FlowRow[]) => Promise<void>;

  protected constructor(
    private readonly database: Database,
    schema: EntitySchema<FlowRow>,
    private readonly limits: FlowLimits,
  ) {
    this.table = schema.options.name;
    this.insert = writerOf(schema);
  }

  /** Resolves when all of it is on disk. */
  async add(point: string, flows: readonly HourlyFlow[]): Promise<void> {
    if (flows.length === 0) return;
    const addresses = new Set(flows.flatMap(({ sources }) => sources.map(({ address }) => address)));
    const macs = await this.database.read((db) => macsOf(db, [...addresses]));
    const named = flows.map((flow) => ({
      ...flow,
      sources: flow.sources
        .slice(0, this.limits.sources)
        .map((source) => ({ ...source, mac: macs.get(source.address) ?? null })),
    }));
    for (let at = 0; at < named.length; at += chunk)
      await this.database.transaction((tx) => this.addAll(tx, point, named.slice(at, at + chunk)), 'bulk');
  }

  private async addAll(tx: EntityManager, point: string, flows: readonly HourlyFlow[]): Promise<void> {
    const room = await this.roomFor(tx, point, new Set(flows.map(({ at }) => at)));
    const together = new Map<string, HourlyFlow>();
    for (const flow of flows)
      if (!(await this.join(tx, point, flow))) {
        if (room.take(flow)) await this.insertOne(tx, point, flow);
        else {
          const rest = { ...flow, destination: '', protocol: 0, port: 0 };
          const key = [flow.at, flow.role, flow.answered].join(' ');
          const known = together.get(key);
          together.set(key, known ? joinFlows(known, rest, this.limits.sources) : rest);
        }
      }
    for (const rest of together.values())
      if (!(await this.join(tx, point, rest))) await this.insertOne(tx, point, rest);
  }

  private insertOne(tx: EntityManager, point: string, flow: HourlyFlow): Promise<void> {
    return this.insert(tx, [{ id: 0, ...flow, point }]);
  }

  /** False: there is none of the hour yet. */
  private async join(tx: EntityManager, point: string, flow: HourlyFlow): Promise<boolean> {
    const { at, role, destination, protocol, port, answered } = flow;
    const [row] = await tx.query<(Omit<FlowRow, 'sources'> & { sources: string })[]>(
      `SELECT * FROM ${this.table}
       WHERE point = ? AND role = ? AND destination = ? AND protocol = ? AND port = ? AND answered = ? AND at = ?`,
      [point, role, destination, protocol, port, answered, at],
    );
    if (!row) return false;
    const known = { ...row, sources: JSON.parse(row.sources) as FlowSource[] };
    const { firstAt, lastAt, packets, connections, sources } = joinFlows(known, flow, this.limits.sources);
    await tx.query(
      `UPDATE ${this.table} SET firstAt = ?, lastAt = ?, packets = ?, connections = ?, sources = ? WHERE id = ?`,
      [firstAt, lastAt, packets, connections, JSON.stringify(sources), row.id],
    );
    return true;
  }

  private async roomFor(tx: EntityManager, point: string, hours: ReadonlySet<string>): Promise<Room> {
    const counts = await tx.query<(Pick<HourlyFlow, 'at' | 'role' | 'answered'> & { count: number })[]>(
      `SELECT at, role, answered, count(*) AS count FROM ${this.table}
       WHERE point = ? AND at IN (SELECT value FROM json_each(?)) GROUP BY at, role, answered`,
      [point, JSON.stringify([...hours])],
    );
    const room = new Room(this.limits);
    for (const { count, ...flow } of counts) room.count(flow, count);
    return room;
  }

  /** Most packets first. Hours that `since` lies in are whole. */
  async totals({ since, class: role, point, limit }: FlowQuery): Promise<FlowTotal[]> {
    const hour = hourOf(since);
    const rows = await this.database.read((db) =>
      db.query<(Omit<FlowTotal, 'sources'> & { sources: string })[]>(
        `WITH total AS (
           SELECT point, role, destination, protocol, port, answered, min(firstAt) AS firstAt, max(lastAt) AS lastAt,
             sum(packets) AS packets, sum(connections) AS connections
           FROM ${this.table} WHERE at >= ? AND (? IS NULL OR role = ?) AND (? IS NULL OR point = ?)
           GROUP BY point, role, destination, protocol, port, answered ORDER BY packets DESC, lastAt DESC LIMIT ?)
         SELECT *, (SELECT json_group_array(json_object('address', address, 'mac', mac, 'connections', connections)) FROM (
             SELECT s.value ->> 'address' AS address, max(s.value ->> 'mac') AS mac, sum(s.value ->> 'connections') AS connections
             FROM ${this.table} f, json_each(f.sources) s
             WHERE f.point = total.point AND f.role = total.role AND f.destination = total.destination
               AND f.protocol = total.protocol AND f.port = total.port AND f.answered = total.answered AND f.at >= ?
             GROUP BY address ORDER BY min(f.id), min(s.key) LIMIT ?)) AS sources
         FROM total ORDER BY packets DESC, lastAt DESC`,
        [hour, role ?? null, role ?? null, point ?? null, point ?? null, limit, hour, this.limits.sources],
      ),
    );
    return rows.map((row) => ({ ...row, sources: JSON.parse(row.sources) as FlowSource[] }));
  }

  /** By the order in which they came, so that pages stay the same while more comes. Hours that `since` lies in are whole. */
  async page(since: Date, after: number, limit: number): Promise<FlowRow[]> {
    const rows = await this.database.read((db) =>
      db.query<(Omit<FlowRow, 'sources'> & { sources: string })[]>(
        `SELECT * FROM ${this.table} WHERE id > ? AND at >= ? ORDER BY id LIMIT ?`,
        [after, hourOf(since), limit],
      ),
    );
    return rows.map((row) => ({ ...row, sources: JSON.parse(row.sources) as FlowSource[] }));
  }
}

/** What is left of the limits in each hour. */
class Room {
  private readonly counts = new Map<string, number>();

  constructor(private readonly limits: FlowLimits) {}

  take(flow: Pick<HourlyFlow, 'at' | 'role' | 'answered'>): boolean {
    const { flows, unanswered } = this.limits;
    const ofClass = this.counts.get(keyOf(flow)) ?? 0;
    if ((this.counts.get(flow.at) ?? 0) >= flows || (flow.answered !== 'yes' && ofClass >= unanswered)) return false;
    this.count(flow, 1);
    return true;
  }

  count(flow: Pick<HourlyFlow, 'at' | 'role' | 'answered'>, count: number): void {
    for (const key of [flow.at, keyOf(flow)]) this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }
}

const keyOf = ({ at, role, answered }: Pick<HourlyFlow, 'at' | 'role' | 'answered'>): string =>
  `${at} ${answered === 'yes' ? 'yes' : 'no'} ${role}`;

/** Whose addresses these are now. */
async function macsOf(db: EntityManager, addresses: readonly string[]): Promise<ReadonlyMap<string, Mac>> {
  const rows = await db.query<{ mac: Mac; address: string }[]>(
    `SELECT s.mac, a.value AS address FROM session s, json_each(s.addresses) a
     WHERE s.state = 'open' AND a.value IN (SELECT value FROM json_each(?)) ORDER BY s.updatedAt`,
    [JSON.stringify(addresses)],
  );
  return new Map(rows.map(({ mac, address }) => [address, mac]));
}
