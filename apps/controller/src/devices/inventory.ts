import type { Posture } from '#model';
import type { Mac } from '#net';
import { effectivePosture, type Snapshot } from '#policy';
import { In, type EntityManager } from 'typeorm';
import { pageOf, type Page } from '../http/paging.js';
import type { Database } from '../store/database.js';
import { devices, sessions, type DeviceRow, type SessionRow } from '../store/rows.js';

/** What a plan has to know of a device, and nothing else of it: no name, no serial number, no place in the house. */
export interface InventoryItem {
  readonly mac: Mac;
  readonly class: string;
  /** Null: it was never seen, and its location begins with no site of the policy. */
  readonly site: string | null;
  /** Where it was seen last. */
  readonly nas: string | null;
  readonly posture: Posture;
  /** Those that it has now. */
  readonly addresses: readonly string[];
}

type Seen = Pick<SessionRow, 'mac' | 'site' | 'nas' | 'method' | 'state' | 'addresses' | 'startedAt'>;

/** Registered devices by MAC, with where each of them is, or was seen last. */
export async function listInventory(
  database: Database,
  snapshot: Snapshot | null,
  query: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<Page<InventoryItem>> {
  const { rows, seen } = await database.read(async (db) => {
    const select = db
      .createQueryBuilder(devices, 'd')
      .orderBy('d.mac')
      .take(query.limit + 1);
    if (query.cursor) select.andWhere('d.mac > :cursor', { cursor: query.cursor });
    const rows = await select.getMany();
    return { rows, seen: await lastSeen(db, rows) };
  });
  const sites = new Set(snapshot?.sites.map(({ name }) => name));
  return pageOf(
    rows,
    query.limit,
    ({ mac }) => mac,
    (row) => itemOf(row, seen.get(row.mac), sites, snapshot),
  );
}

/** Of each device the newest open session, or the newest of all. */
async function lastSeen(db: EntityManager, rows: readonly DeviceRow[]): Promise<ReadonlyMap<Mac, Seen>> {
  const found = await db
    .createQueryBuilder(sessions, 's')
    .select(['id', 'mac', 'site', 'nas', 'method', 'state', 'addresses', 'startedAt'].map((column) => `s.${column}`))
    .where({ mac: In(rows.map(({ mac }) => mac)) })
    .andWhere(
      `(s.state = 'open' OR s.startedAt = (SELECT MAX(t.startedAt) FROM ${sessions.options.name} t WHERE t.mac = s.mac))`,
    )
    .orderBy('s.startedAt')
    .getMany();
  const newest = new Map<Mac, Seen>();
  for (const session of found) {
    if (session.state === 'open' || newest.get(session.mac)?.state !== 'open') newest.set(session.mac, session);
  }
  return newest;
}

function itemOf(
  device: DeviceRow,
  seen: Seen | undefined,
  sites: ReadonlySet<string>,
  snapshot: Snapshot | null,
): InventoryItem {
  const located = device.location.split('/')[0]!.trim();
  return {
    mac: device.mac,
    class: device.class,
    site: seen?.site ?? (sites.has(located) ? located : null),
    nas: seen?.nas ?? null,
    posture: effectivePosture({ eap: snapshot?.eap ?? null }, device.posture, seen?.method ?? 'mac'),
    addresses: seen?.state === 'open' ? seen.addresses : [],
  };
}
