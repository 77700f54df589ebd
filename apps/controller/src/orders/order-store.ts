import type { Clock } from '#base';
import { noOrders, type DevicePosture, type Orders } from '#model';
import type { Mac } from '#net';
import { IsNull, LessThanOrEqual, MoreThan } from 'typeorm';
import { Refusal } from '../http/refusal.js';
import { recordAudit } from '../store/audit.js';
import type { Database } from '../store/database.js';
import { breakGlasses, releaseOrders, type BreakGlassRow } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';
import { tellClosed, tellOpened } from '../webhooks/subjects.js';

export interface NewBreakGlass {
  readonly mac: Mac | null;
  readonly class: string | null;
  readonly opens: string;
  /** The person, by name. */
  readonly openedBy: string;
  readonly reason: string;
  readonly until: Date;
}

interface Subject {
  readonly mac: Mac | null;
  readonly class: string | null;
}

const describe = ({ mac, class: name }: Subject): string => mac ?? (name === null ? 'all' : `class ${name}`);

const longestTimer = 86_400_000;

/**
 * What people ordered beside the policy in git. All of it is in memory, too: few orders, asked for with every device. One that ends by
 * itself wakes those who depend on it then.
 */
export class OrderStore {
  private orders: Orders = noOrders;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wakeups: Wakeups,
  ) {}

  async start(): Promise<void> {
    await this.reload();
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
  }

  /** In force now. */
  get current(): Orders {
    return this.orders;
  }

  list(limit: number, before: number | null): Promise<BreakGlassRow[]> {
    return this.database.read((db) => {
      const query = db.createQueryBuilder(breakGlasses, 'b').orderBy('b.id', 'DESC').take(limit);
      return (before === null ? query : query.where('b.id < :before', { before })).getMany();
    });
  }

  async breakGlass(order: NewBreakGlass, actor: string): Promise<BreakGlassRow> {
    const at = this.clock.now();
    const { until, ...fields } = order;
    const row = await this.database.transaction(async (tx) => {
      const closed = { closedAt: null, closedBy: null };
      const times = { openedAt: at.toISOString(), until: until.toISOString() };
      const saved = await tx.save(breakGlasses, { ...fields, ...closed, ...times, actor } as BreakGlassRow);
      const { reason, openedBy, opens } = order;
      const after = { id: saved.id, openedBy, opens, until: times.until };
      await recordAudit(tx, at, [{ actor, action: 'break-glass.open', target: describe(order), reason, after }]);
      await tellOpened(tx, saved, at);
      return saved;
    });
    await this.reload();
    return row;
  }

  async close(id: number, actor: string): Promise<BreakGlassRow> {
    const at = this.clock.now();
    const row = await this.database.transaction(async (tx) => {
      const found = await tx.findOneBy(breakGlasses, { id });
      if (!found) throw new Refusal('not-found', `there is no break-glass ${id}`);
      if (found.closedAt !== null || found.until <= at.toISOString())
        throw new Refusal('conflict', `break-glass ${id} is over already`);
      const closed = { closedAt: at.toISOString(), closedBy: actor };
      await tx.update(breakGlasses, { id }, closed);
      await recordAudit(tx, at, [{ actor, action: 'break-glass.close', target: describe(found), before: found }]);
      await tellClosed(tx, found, actor, at);
      return { ...found, ...closed };
    });
    await this.reload();
    return row;
  }

  async release(subject: Subject, digest: string, actor: string, reason: string): Promise<void> {
    const at = this.clock.now();
    await this.database.transaction(async (tx) => {
      await tx.insert(releaseOrders, { ...subject, digest, at: at.toISOString() });
      await recordAudit(tx, at, [
        { actor, action: 'rollout.release', target: describe(subject), reason, after: { digest } },
      ]);
    });
    await this.reload();
  }

  /** What ended by itself is written down as such, once: at its time, or when the controller is back. */
  private async recordEnds(now: Date): Promise<void> {
    const ended = { closedAt: IsNull(), until: LessThanOrEqual(now.toISOString()) };
    if ((await this.database.read((db) => db.countBy(breakGlasses, ended))) === 0) return;
    await this.database.transaction(async (tx) => {
      for (const row of await tx.find(breakGlasses, { where: ended, order: { id: 'ASC' } })) {
        await tx.update(breakGlasses, { id: row.id }, { closedAt: row.until });
        await recordAudit(tx, now, [
          { actor: 'system', action: 'break-glass.over', target: describe(row), before: row },
        ]);
      }
    });
  }

  private async reload(): Promise<void> {
    const now = this.clock.now();
    await this.recordEnds(now);
    const [opened, released] = await this.database.read(async (db) => [
      await db.find(breakGlasses, { where: { until: MoreThan(now.toISOString()) }, order: { id: 'ASC' } }),
      // Of the policies of late: a digest that is not in force says nothing.
      await db.find(releaseOrders, { order: { id: 'DESC' }, take: 1000 }),
    ]);
    this.orders = {
      breakGlass: opened
        .filter(({ closedAt }) => closedAt === null)
        .map(({ id, mac, class: name, opens, until }) => ({ id, mac, class: name, as: opens, until })),
      released: released.map(({ mac, class: name, digest }) => ({ mac, class: name, digest })),
    };
    this.wakeups.fire('orders');
    if (this.timer) clearTimeout(this.timer);
    const ends = this.orders.breakGlass.map(({ until }) => Date.parse(until) - now.getTime());
    this.timer = ends.length === 0 ? null : setTimeout(() => void this.reload(), Math.min(...ends, longestTimer) + 1);
  }
}

/** What a device counts as: its record, or what a person broke the glass for. An order for the device goes before one for its class. */
export function deviceUnderOrders<T extends { readonly class: string | null; readonly posture: DevicePosture | null }>(
  { breakGlass }: Orders,
  mac: string,
  device: T,
): T {
  if (breakGlass.length === 0) return device;
  const order =
    breakGlass.find((each) => each.mac === mac) ??
    breakGlass.findLast((each) => each.class !== null && each.class === device.class);
  return order ? { ...device, class: order.as, posture: 'normal' } : device;
}
