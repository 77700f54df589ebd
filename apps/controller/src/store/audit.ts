import type { EntityManager } from 'typeorm';
import { audits } from './rows.js';

export interface AuditEntry {
  readonly actor: string;
  /** `device.create`, `policy.activate` … */
  readonly action: string;
  readonly target: string;
  readonly reason?: string | undefined;
  readonly before?: object;
  readonly after?: object;
}

/** INVARIANT: called with the same `tx` as the change it tells of, so neither is ever stored without the other. */
export async function recordAudit(tx: EntityManager, at: Date, entries: readonly AuditEntry[]): Promise<void> {
  const rows = entries.map((entry) => ({
    at: at.toISOString(),
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    reason: entry.reason ?? null,
    before: entry.before ?? null,
    after: entry.after ?? null,
  }));
  // SQLite takes at most 32,766 parameters per statement.
  for (let i = 0; i < rows.length; i += 1000) await tx.insert(audits, rows.slice(i, i + 1000));
}
