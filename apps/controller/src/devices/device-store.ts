import type { Clock } from '#base';
import type { DevicePosture } from '#model';
import type { Mac } from '#net';
import { In, IsNull, Not, type EntityManager } from 'typeorm';
import { likeContains, pageOf, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { removeCredentials } from '../credentials/credential-store.js';
import { recordAudit, type AuditEntry } from '../store/audit.js';
import { takeRevisions } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { credentials, devices, shownCertificates, tombstones, type DeviceRow } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';
import type { DeviceChange, NewDevice } from './device-fields.js';

export interface DeviceQuery {
  readonly class?: string | undefined;
  readonly posture?: DevicePosture | undefined;
  readonly search?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface UseAnswer {
  readonly changed: number;
  /** No device of the registry. */
  readonly unknown: readonly Mac[];
}

export interface ChangeRequest {
  readonly actor: string;
  /** What the audit trail calls it. */
  readonly action: string;
  readonly reason?: string | undefined;
}

/** One row to store: all of a device, whether new or changed. */
export type DeviceWrite = Omit<DeviceRow, 'revision' | 'createdAt' | 'updatedAt'>;

/**
 * The registry of devices. Each change is stored with its audit entry and takes the next number of the feed, in one
 * transaction; then those who depend on devices are woken. Whether a class exists is checked before, by the caller.
 */
export class DeviceStore {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wakeups: Wakeups,
  ) {}

  async list(query: DeviceQuery): Promise<Page<DeviceRow>> {
    const rows = await this.database.read((db) => {
      const select = db
        .createQueryBuilder(devices, 'd')
        .orderBy('d.mac')
        .take(query.limit + 1);
      if (query.cursor) select.andWhere('d.mac > :cursor', { cursor: query.cursor });
      if (query.class) select.andWhere('d.class = :class', { class: query.class });
      if (query.posture) select.andWhere('d.posture = :posture', { posture: query.posture });
      if (query.search) {
        const columns = ['mac', 'name', 'location', 'serial', 'notes'];
        const match = columns.map((column) => `d.${column} LIKE :search ESCAPE '\\'`).join(' OR ');
        select.andWhere(`(${match})`, { search: likeContains(query.search) });
      }
      return select.getMany();
    });
    return pageOf(
      rows,
      query.limit,
      (row) => row.mac,
      (row) => row,
    );
  }

  find(mac: Mac): Promise<DeviceRow | null> {
    return this.database.read((db) => db.findOneBy(devices, { mac }));
  }

  findAll(macs: readonly Mac[]): Promise<Map<Mac, DeviceRow>> {
    return this.database.read((db) => findDevices(db, [...new Set(macs)]));
  }

  async get(mac: Mac): Promise<DeviceRow> {
    return (await this.find(mac)) ?? notFound(mac);
  }

  countByClassAndPosture(): Promise<{ class: string; posture: DevicePosture; count: number }[]> {
    return this.database.read((db) =>
      db
        .createQueryBuilder(devices, 'd')
        .select('d.class', 'class')
        .addSelect('d.posture', 'posture')
        .addSelect('COUNT(*)', 'count')
        .groupBy('d.class')
        .addGroupBy('d.posture')
        .orderBy('d.class')
        .getRawMany(),
    );
  }

  countInUse(): Promise<number> {
    return this.database.read((db) => db.countBy(devices, { inUse: Not(IsNull()) }));
  }

  create(device: NewDevice, actor: string): Promise<DeviceRow> {
    return this.write(async (tx) => {
      if (await tx.existsBy(devices, { mac: device.mac }))
        throw new Refusal('conflict', `the device ${device.mac} is registered already`, [
          { pointer: '/mac', detail: 'change it with PATCH instead' },
        ]);
      const [row] = await saveDevices(tx, this.clock.now(), [{ ...device, inUse: null }], {
        actor,
        action: 'device.create',
      });
      return row!;
    });
  }

  change(mac: Mac, change: DeviceChange, request: ChangeRequest): Promise<DeviceRow> {
    return this.write(async (tx) => {
      const before = (await tx.findOneBy(devices, { mac })) ?? notFound(mac);
      const [row] = await saveDevices(tx, this.clock.now(), [applyChange(before, change)], request);
      return row ?? before;
    });
  }

  /** Those that were so already stay as they are, since when included. */
  setInUse(macs: readonly Mac[], inUse: boolean, actor: string): Promise<UseAnswer> {
    const now = this.clock.now();
    return this.write(async (tx) => {
      const known = await findDevices(tx, [...new Set(macs)]);
      const changing = [...known.values()].filter((row) => (row.inUse !== null) !== inUse);
      const writes = changing.map((row) => ({ ...row, inUse: inUse ? now.toISOString() : null }));
      const saved = await saveDevices(tx, now, writes, {
        actor,
        action: inUse ? 'device.in-use' : 'device.not-in-use',
      });
      return { changed: saved.length, unknown: macs.filter((mac) => !known.has(mac)) };
    });
  }

  /**
   * With its credentials: a password whose device nobody knows must not let anything in. That it ever showed a certificate is
   * forgotten, too: its address may come back on another device.
   */
  remove(mac: Mac, actor: string): Promise<void> {
    return this.write(async (tx) => {
      const before = (await tx.findOneBy(devices, { mac })) ?? notFound(mac);
      await tx.delete(devices, { mac });
      await tx.delete(shownCertificates, { mac });
      await tx.insert(tombstones, { mac, revision: await takeRevisions(tx, 'device', 1) });
      await recordAudit(tx, this.clock.now(), [{ actor, action: 'device.delete', target: mac, before }]);
      await removeCredentials(tx, this.clock.now(), await tx.findBy(credentials, { mac }), {
        actor,
        reason: 'its device was removed',
      });
    });
  }

  /** Runs a change of any size in one transaction; wakes once it is durable. */
  async write<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const result = await this.database.transaction(work);
    this.wakeups.fire('devices');
    return result;
  }
}

/** Members that are absent or undefined change nothing. */
export function applyChange(device: DeviceWrite, change: DeviceChange): DeviceWrite {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...device, ...(Object.fromEntries(given) as Partial<DeviceWrite>) };
}

function notFound(mac: Mac): never {
  throw new Refusal('not-found', `there is no device ${mac}`);
}

/** Stores new and changed devices with their audit entries; answers with those that really changed. */
export async function saveDevices(
  tx: EntityManager,
  now: Date,
  writes: readonly DeviceWrite[],
  request: ChangeRequest,
): Promise<DeviceRow[]> {
  const existing = await findDevices(
    tx,
    writes.map(({ mac }) => mac),
  );
  const changed = writes.filter((write) => differs(existing.get(write.mac), write));
  if (changed.length === 0) return [];
  const at = now.toISOString();
  const first = await takeRevisions(tx, 'device', changed.length);
  const rows = changed.map((write, n) => ({
    ...write,
    revision: first + n,
    createdAt: existing.get(write.mac)?.createdAt ?? at,
    updatedAt: at,
  }));
  for (const chunk of chunksOf(rows, 1000)) {
    await tx.upsert(devices, chunk, ['mac']);
    await tx.delete(tombstones, { mac: In(chunk.map(({ mac }) => mac)) });
  }
  await recordAudit(
    tx,
    now,
    rows.map((row): AuditEntry => {
      const before = existing.get(row.mac);
      const entry = {
        actor: request.actor,
        action: request.action,
        target: row.mac,
        reason: request.reason,
        after: row,
      };
      return before ? { ...entry, before } : entry;
    }),
  );
  return rows;
}

export async function findDevices(tx: EntityManager, macs: readonly Mac[]): Promise<Map<Mac, DeviceRow>> {
  const found = new Map<Mac, DeviceRow>();
  for (const chunk of chunksOf(macs, 1000)) {
    for (const row of await tx.findBy(devices, { mac: In(chunk) })) found.set(row.mac, row);
  }
  return found;
}

const written = ['class', 'posture', 'name', 'location', 'serial', 'notes', 'inUse'] as const;

function differs(before: DeviceRow | undefined, write: DeviceWrite): boolean {
  return !before || written.some((field) => before[field] !== write[field]);
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
