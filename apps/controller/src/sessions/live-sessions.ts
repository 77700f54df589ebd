import { remembered } from '#base';
import { noOrders, type Convergence, type DevicePosture, type Orders, type Session } from '#model';
import type { Mac } from '#net';
import { MoreThan, type EntityManager } from 'typeorm';
import { deviceUnderOrders } from '../orders/order-store.js';
import { currentRevision } from '../store/counters.js';
import type { Database } from '../store/database.js';
import { devices, sessions, tombstones } from '../store/rows.js';

/** An open session with what the registry says of its device *now* (null: no record). The same object as long as nothing of it changes. */
export interface LiveSession {
  readonly id: string;
  readonly mac: Mac;
  readonly nas: string;
  readonly nasPort: string | null;
  readonly site: string;
  readonly method: Session['method'];
  readonly addresses: readonly string[];
  readonly updatedAt: string;
  readonly class: string | null;
  readonly posture: DevicePosture | null;
  /** Where its port is now, and as what: what the switch was told last, which may be behind the registry. */
  readonly segment: string | null;
  readonly vlan: number;
  readonly role: string | null;
  /** By which policy it was told that. */
  readonly snapshotDigest: string;
  readonly convergence: Convergence['state'];
  /** In clinical use since then. */
  readonly inUse: string | null;
}

/** Whether `a` was heard of after `b`. */
export function isNewer(a: LiveSession, b: LiveSession): boolean {
  return a.updatedAt === b.updatedAt ? a.id > b.id : a.updatedAt > b.updatedAt;
}

export interface Known {
  readonly session: Session;
  readonly live: LiveSession;
}

const divisions = { nas: new WeakMap<object, Division>(), site: new WeakMap<object, Division>() };
type Division = ReadonlyMap<string, readonly LiveSession[]>;

/** By switch, or by site. All enforcement points look at the same list, which `LiveSessions` has divided already. */
export const sessionsBy = (key: 'nas' | 'site', sessions: readonly LiveSession[]): Division =>
  remembered(divisions[key], sessions, () => Map.groupBy(sessions, (session) => session[key]));

/** Those of one site or switch: the same list as long as none of them changes. */
class Group {
  readonly members = new Map<string, Known>();
  private list: readonly LiveSession[] | null = null;

  changed(): void {
    this.list = null;
  }

  get sessions(): readonly LiveSession[] {
    return (this.list ??= Array.from(this.members.values(), ({ live }) => live));
  }
}

type Device = Pick<LiveSession, 'class' | 'posture' | 'inUse'>;

const noRecord: Device = { class: null, posture: null, inUse: null };

/**
 * All open sessions in memory, joined with the registry: with each change of one of a hundred thousand, all of them are asked for. What is
 * stored comes by `reported`, right after its commit; devices by their revision, when somebody asks. A restart reads everything again.
 */
export class LiveSessions {
  private readonly known = new Map<string, { readonly session: Session; live: LiveSession }>();
  private readonly groups = { nas: new Map<string, Group>(), site: new Map<string, Group>() };
  private readonly byMac = new Map<Mac, Set<string>>();
  private readonly registry = new Map<Mac, Device>();
  private readonly shared = new Map<string, Device>();
  private revision = 0;
  private changedSites = new Set<string>();
  private loading: Promise<void> | null = null;
  private list: { readonly orders: Orders; readonly sessions: readonly LiveSession[] } | null = null;

  constructor(
    private readonly database: Database,
    private readonly orders: { readonly current: Orders } = { current: noOrders },
  ) {}

  /** As they are stored by now, in the order in which they were stored: whole, and the newest revision of each. */
  reported(all: readonly Session[]): void {
    // Before the first question nothing is kept: it reads the table.
    if (this.loading === null) return;
    for (const session of all) this.put(session);
  }

  async all(): Promise<readonly LiveSession[]> {
    this.loading ??= this.load();
    await this.loading;
    await this.database.read((db) => this.readDevices(db));
    const { current } = this.orders;
    if (this.list?.orders !== current) this.list = { orders: current, sessions: this.inOrder(current) };
    return this.list.sessions;
  }

  /** Sites at which the registry says something else of a device on the network than when this was asked last. */
  async sitesOfChangedDevices(): Promise<ReadonlySet<string>> {
    await this.all();
    const changed = this.changedSites;
    this.changedSites = new Set();
    return changed;
  }

  /** Each with what its bridge reported last; the registry's record of its device, without orders. Changes while it is gone through are seen. */
  async reports(): Promise<Iterable<Known>> {
    await this.all();
    return this.known.values();
  }

  private inOrder(orders: Orders): readonly LiveSession[] {
    if (orders.breakGlass.length > 0) return this.underOrders(orders);
    const site = new Map([...this.groups.site].map(([name, group]) => [name, group.sessions]));
    const all = [...site.values()].flat();
    divisions.site.set(all, site);
    divisions.nas.set(all, new Map([...this.groups.nas].map(([name, group]) => [name, group.sessions])));
    return all;
  }

  /** What is opened for a patient does not wait for one. */
  private underOrders(orders: Orders): LiveSession[] {
    return [...this.known.values()].map(({ live }) => {
      const device = deviceUnderOrders(orders, live.mac, live);
      return device === live ? live : { ...device, inUse: null };
    });
  }

  private async load(): Promise<void> {
    await this.database.read(async (db) => {
      await this.readDevices(db);
      const rows = await db.query<{ document: string }[]>(`SELECT document FROM session WHERE state = 'open'`);
      for (const { document } of rows) this.put(JSON.parse(document) as Session);
    });
  }

  private put(session: Session): void {
    const before = this.known.get(session.id);
    // One that another bridge took over is closed without a revision of its own.
    if (before && before.session.revision >= session.revision && session.state === 'open') return;
    this.list = null;
    if (before) this.leave(before.live);
    if (session.state === 'open') {
      const known = { session, live: join(session, this.registry.get(session.mac) ?? noRecord) };
      this.known.set(session.id, known);
      this.enter(known);
      const ids = this.byMac.get(session.mac);
      if (ids) ids.add(session.id);
      else this.byMac.set(session.mac, new Set([session.id]));
    } else if (before) {
      this.known.delete(session.id);
      const ids = this.byMac.get(session.mac);
      ids?.delete(session.id);
      if (ids?.size === 0) this.byMac.delete(session.mac);
    }
  }

  private enter(known: Known): void {
    for (const key of ['nas', 'site'] as const) {
      const group = remembered(this.groups[key], known.live[key], () => new Group());
      group.members.set(known.live.id, known);
      group.changed();
    }
  }

  private leave({ id, ...live }: LiveSession): void {
    for (const key of ['nas', 'site'] as const) {
      const group = this.groups[key].get(live[key])!;
      group.members.delete(id);
      group.changed();
      if (group.members.size === 0) this.groups[key].delete(live[key]);
    }
  }

  private async readDevices(db: EntityManager): Promise<void> {
    const last = await currentRevision(db, 'device');
    if (last === this.revision) return;
    const since = { where: { revision: MoreThan(this.revision) } };
    const select = { mac: true, class: true, posture: true, inUse: true } as const;
    for (const row of await db.find(devices, { ...since, select })) this.setDevice(row.mac, this.shareOf(row));
    for (const { mac } of await db.find(tombstones, since)) this.setDevice(mac, null);
    this.revision = last;
  }

  private setDevice(mac: Mac, device: Device | null): void {
    if (device) this.registry.set(mac, device);
    else this.registry.delete(mac);
    for (const id of this.byMac.get(mac) ?? []) {
      const entry = this.known.get(id)!;
      entry.live = join(entry.session, device ?? noRecord);
      this.changedSites.add(entry.live.site);
      for (const key of ['nas', 'site'] as const) this.groups[key].get(entry.live[key])!.changed();
      this.list = null;
    }
  }

  /** Few distinct records, many devices. */
  private shareOf({ class: name, posture, inUse }: Device): Device {
    const device = { class: name, posture, inUse };
    if (inUse !== null) return device;
    const key = `${posture} ${name}`;
    let shared = this.shared.get(key);
    if (!shared) this.shared.set(key, (shared = device));
    return shared;
  }
}

function join(session: Session, device: Device): LiveSession {
  const { id, mac, nas, nasPort, site, method, addresses, updatedAt, segment, vlan, role, snapshotDigest } = session;
  const { class: name, posture, inUse } = device;
  return {
    id,
    mac,
    nas,
    nasPort,
    site,
    method,
    addresses,
    updatedAt,
    class: name,
    posture,
    segment,
    vlan,
    role,
    snapshotDigest,
    convergence: session.convergence.state,
    inUse,
  };
}

/** The same, read from the database at once: what `LiveSessions` must come to. For tests. */
export async function readLiveSessions(database: Database): Promise<LiveSession[]> {
  return database.read(async (db) => {
    const rows = await db.findBy(sessions, { state: 'open' });
    const registry = new Map((await db.find(devices)).map((row) => [row.mac, row]));
    return rows.map(({ document }) => join(document, registry.get(document.mac) ?? noRecord));
  });
}
