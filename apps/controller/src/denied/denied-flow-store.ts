import type { EntityManager } from 'typeorm';
import type { Database } from '../store/database.js';
import { deniedFlows, type DeniedFlowRow } from '../store/rows.js';
import { joinFlows, type DeniedFlow } from './denials.js';
import type { Mac } from '#net';

export interface DeniedQuery {
  readonly since: Date;
  readonly class?: string | undefined;
  readonly point?: string | undefined;
  readonly limit: number;
}

/** Several hours of the same. */
export type DeniedTotal = Omit<DeniedFlowRow, 'id' | 'at'>;

/** A device that scans the network tries everything: what comes after so many flows of a point and hour is told together. */
const mostPerHour = 5000;

/** Keeps what points denied, by the hour. How long: see `Retention`. */
export class DeniedFlowStore {
  constructor(
    private readonly database: Database,
    private readonly mostPerHourAndPoint = mostPerHour,
  ) {}

  async add(point: string, flows: readonly DeniedFlow[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      const macs = await macsOf(tx, [...new Set(flows.flatMap(({ sources }) => sources))]);
      for (const flow of flows) await this.addOne(tx, point, flow, macs);
    });
  }

  private async addOne(
    tx: EntityManager,
    point: string,
    flow: DeniedFlow,
    macs: ReadonlyMap<string, Mac>,
  ): Promise<void> {
    const { at, role, destination, protocol, port } = flow;
    const known = await tx.findOneBy(deniedFlows, { at, point, role, destination, protocol, port });
    const source = (address: string): DeniedFlowRow['sources'][number] => ({ address, mac: macs.get(address) ?? null });
    if (known) {
      const joined = joinFlows({ ...known, sources: known.sources.map(({ address }) => address) }, flow);
      const sources = joined.sources.map(
        (address) => known.sources.find((one) => one.address === address) ?? source(address),
      );
      const { firstAt, lastAt, packets } = joined;
      await tx.update(deniedFlows, { id: known.id }, { firstAt, lastAt, packets, sources });
    } else if (destination !== '' && (await tx.countBy(deniedFlows, { at, point })) >= this.mostPerHourAndPoint)
      await this.addOne(tx, point, { ...flow, destination: '', protocol: 0, port: 0 }, macs);
    else await tx.insert(deniedFlows, { ...flow, point, sources: flow.sources.map(source) });
  }

  /** Most packets first. Hours that `since` lies in are whole. */
  async totals({ since, class: role, point, limit }: DeniedQuery): Promise<DeniedTotal[]> {
    const hour = `${since.toISOString().slice(0, 13)}:00:00.000Z`;
    const rows = await this.database.read((db) =>
      db.query<(Omit<DeniedTotal, 'sources'> & { sources: string })[]>(
        `SELECT point, role, destination, protocol, port, min(firstAt) AS firstAt, max(lastAt) AS lastAt, sum(packets) AS packets,
           sources FROM denied_flow
         WHERE at >= ? AND (? IS NULL OR role = ?) AND (? IS NULL OR point = ?)
         GROUP BY point, role, destination, protocol, port ORDER BY packets DESC, lastAt DESC LIMIT ?`,
        [hour, role ?? null, role ?? null, point ?? null, point ?? null, limit],
      ),
    );
    return rows.map((row) => ({ ...row, sources: JSON.parse(row.sources) as DeniedTotal['sources'] }));
  }
}

/** Whose addresses these are now. */
async function macsOf(db: EntityManager, addresses: readonly string[]): Promise<ReadonlyMap<string, Mac>> {
  const rows = await db.query<{ mac: Mac; address: string }[]>(
    `SELECT s.mac, a.value AS address FROM session s, json_each(s.addresses) a
     WHERE s.state = 'open' AND a.value IN (SELECT value FROM json_each(?)) ORDER BY s.updatedAt`,
    [JSON.stringify(addresses)],
  );
  return new Map(rows.map(({ mac, address }) => [address, mac]));
}
