import { addressSet, formatRange, parseRange, rangesOf } from '#net';
import type { KnownWorkloads } from '#policy';
import type { Database } from '../store/database.js';
import { workloads } from '../store/rows.js';

/** Where services of clusters were last: what policies are compiled with, also after a restart while a cluster is away. */
export class WorkloadStore {
  constructor(private readonly database: Database) {}

  load(): Promise<KnownWorkloads> {
    return this.database.read(async (db) => {
      const rows = await db.find(workloads, { order: { key: 'ASC' } });
      return new Map(
        rows.map(({ key, addresses }) => [key, addressSet(addresses.flatMap((text) => parseRange(text) ?? []))]),
      );
    });
  }

  /** These and no others. */
  save(known: KnownWorkloads): Promise<void> {
    const rows = [...known].map(([key, addresses]) => ({ key, addresses: rangesOf(addresses).map(formatRange) }));
    return this.database.transaction(async (tx) => {
      await tx.deleteAll(workloads);
      for (let i = 0; i < rows.length; i += 1000) await tx.insert(workloads, rows.slice(i, i + 1000));
    });
  }
}
