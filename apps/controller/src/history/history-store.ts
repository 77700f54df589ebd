import type { Mac } from '#net';
import type { EntityManager } from 'typeorm';
import type { Database } from '../store/database.js';
import {
  audits,
  sessionChanges,
  suspicions,
  type AuditRow,
  type SessionChangeRow,
  type SuspicionRow,
} from '../store/rows.js';
import { selectAuthentications, viewOf, type AuthenticationView } from './authentication-store.js';

/** A device, or a port of a NAS. */
export type Subject =
  | { readonly mac: Mac; readonly nas?: undefined; readonly port?: undefined }
  | { readonly nas: string; readonly port: string; readonly mac?: undefined };

export interface Period {
  readonly from?: string | undefined;
  readonly to: string;
}

/** What was stored of a subject in a period, each newest first and at most `limit`. */
export interface Records {
  readonly authentications: readonly AuthenticationView[];
  readonly changes: readonly SessionChangeRow[];
  readonly audit: readonly AuditRow[];
  /** By when they were raised. */
  readonly suspicions: readonly SuspicionRow[];
  /** There is more before the oldest of these. */
  readonly isCut: boolean;
}

/** Reads what happened to a device or on a port. What it means is for history.ts and placement.ts to say. */
export class HistoryStore {
  constructor(private readonly database: Database) {}

  read(subject: Subject, period: Period, limit: number): Promise<Records> {
    return this.database.read(async (db) => {
      const found = await selectAuthentications(db, { ...subject, ...period, limit }).getMany();
      const changes = await changesOf(db, subject, period, limit + 1);
      const audit = subject.mac === undefined ? [] : await auditOf(db, subject.mac, period, limit + 1);
      const raised = await suspicionsOf(db, subject, period, limit + 1);
      return {
        authentications: found.slice(0, limit).map(viewOf),
        changes: changes.slice(0, limit),
        audit: audit.slice(0, limit),
        suspicions: raised.slice(0, limit),
        isCut: [found, changes, audit, raised].some((rows) => rows.length > limit),
      };
    });
  }

  /** What people did to a device's record, up to an instant. */
  audit(mac: Mac, to: string, limit: number): Promise<AuditRow[]> {
    return this.database.read((db) => auditOf(db, mac, { to }, limit));
  }
}

function changesOf(db: EntityManager, subject: Subject, { from, to }: Period, take: number) {
  const select = db
    .createQueryBuilder(sessionChanges, 'c')
    .where('c.at <= :to', { to })
    .orderBy('c.at', 'DESC')
    .addOrderBy('c.id', 'DESC')
    .take(take);
  if (from !== undefined) select.andWhere('c.at >= :from', { from });
  if (subject.mac !== undefined) select.andWhere('c.mac = :mac', { mac: subject.mac });
  else select.andWhere('c.nas = :nas AND c.nasPort = :port', { nas: subject.nas, port: subject.port });
  return select.getMany();
}

function suspicionsOf(
  db: EntityManager,
  subject: Subject,
  { from, to }: Period,
  take: number,
): Promise<SuspicionRow[]> {
  const select = db
    .createQueryBuilder(suspicions, 's')
    .where('s.raisedAt <= :to', { to })
    .orderBy('s.raisedAt', 'DESC')
    .addOrderBy('s.id', 'DESC')
    .take(take);
  if (from !== undefined) select.andWhere('s.raisedAt >= :from', { from });
  if (subject.mac !== undefined) select.andWhere('s.mac = :mac', { mac: subject.mac });
  else select.andWhere('s.nas = :nas AND s.nasPort = :port', { nas: subject.nas, port: subject.port });
  return select.getMany();
}

function auditOf(db: EntityManager, mac: Mac, { from, to }: Period, take: number): Promise<AuditRow[]> {
  const select = db
    .createQueryBuilder(audits, 'a')
    .where('a.target = :mac AND a.at <= :to', { mac, to })
    .orderBy('a.id', 'DESC')
    .take(take);
  if (from !== undefined) select.andWhere('a.at >= :from', { from });
  return select.getMany();
}
