import type { Database } from '../store/database.js';
import { ruleCounts } from '../store/rows.js';
import type { KeptCount } from './rule-counts.js';

/** SQLite takes at most 32,766 parameters per statement. */
const chunk = 1000;

/** Keeps the totals of points. */
export class RuleCountStore {
  constructor(private readonly database: Database) {}

  async load(point: string): Promise<KeptCount[]> {
    const rows = await this.database.read((db) => db.findBy(ruleCounts, { point }));
    return rows.map(({ line, point: _, ...count }) => ({ id: line, ...count }));
  }

  /** These are all that there are of the point. */
  async save(point: string, counts: readonly KeptCount[]): Promise<void> {
    const rows = counts.map(({ id, ...count }) => ({ point, line: id, ...count }));
    await this.database.transaction(async (tx) => {
      await tx.delete(ruleCounts, { point });
      for (let i = 0; i < rows.length; i += chunk) await tx.insert(ruleCounts, rows.slice(i, i + chunk));
    });
  }
}
