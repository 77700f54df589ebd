import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { Clock } from '#base';
import { authenticationMethods, convergenceSchema, macSchema, type Session, type SuspicionKind } from '#model';
import type { AccessGrant } from '#policy';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { evidenceOf, verdictOf, type Verdict } from '../closed-loop/verdict.js';
import { DeviceStore } from '../devices/device-store.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { governingPolicy, type EnforcedPolicy } from '../enforcement/generations.js';
import { deviceUnderOrders, OrderStore } from '../orders/order-store.js';
import { RolloutLoop } from '../rollouts/rollout-loop.js';
import type { DeviceRow } from '../store/rows.js';
import { SuspicionStore } from '../suspicions/suspicion-store.js';
import { clockToken } from '../wiring.js';
import { grantOf } from './resolve-principal.js';
import { sessionCursor, SessionStore, type SessionQuery } from './session-store.js';

const name = z.string().min(1).max(200);
const listQuery = z.strictObject({
  mac: macSchema.optional(),
  nas: name.optional(),
  site: name.optional(),
  class: name.optional(),
  segment: name.optional(),
  state: z.enum(['open', 'closed']).optional(),
  method: z.enum(authenticationMethods).optional(),
  /** What the bridge says of its own attempts. */
  convergence: convergenceSchema.shape.state.optional(),
  /** Open sessions whose port is not what policy wants now, or not what its switch was told. */
  diverged: z.enum(['true', 'false']).optional(),
  ...pageQuery,
});

@Controller('api/v1/sessions')
export class SessionsController {
  constructor(
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
    @Inject(RolloutLoop) private readonly policy: RolloutLoop,
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(SuspicionStore) private readonly suspicions: SuspicionStore,
    @Inject(EnforcementLoop) private readonly points: EnforcementLoop,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow('sessions', 'read')
  @ApiRoute({
    summary: 'Sessions as the bridges reported them, and what policy wants of them now, newest first',
    query: listQuery,
  })
  async list(
    @Query(new ZodPipe(listQuery)) { diverged, ...query }: z.infer<typeof listQuery>,
  ): Promise<Page<SessionView>> {
    if (diverged === undefined) {
      const { items, next } = await this.sessions.list(query);
      return { items: await this.view(items), next };
    }
    if (query.state === 'closed') return { items: [], next: null };
    return this.filtered({ ...query, state: 'open' }, (session) => isAsWanted(session) === (diverged === 'false'));
  }

  @Get(':id')
  @Allow('sessions', 'read')
  @ApiRoute({ summary: 'One session: what the NAS was told, and what the policy wants now' })
  async get(@Param('id') id: string): Promise<SessionView> {
    const [view] = await this.view([await this.sessions.get(id)]);
    return view!;
  }

  /** Policy decides what is asked for, not a column: pages are looked through until one is full. */
  private async filtered(query: SessionQuery, isWanted: (session: SessionView) => boolean): Promise<Page<SessionView>> {
    const found: SessionView[] = [];
    let cursor = query.cursor ?? null;
    do {
      const page = await this.sessions.list({ ...query, cursor: cursor ?? undefined, limit: lookedAtOnce });
      found.push(...(await this.view(page.items)).filter(isWanted));
      cursor = page.next;
    } while (cursor !== null && found.length <= query.limit);
    return pageOf(found, query.limit, sessionCursor, (session) => session);
  }

  private async view(sessions: readonly Session[]): Promise<SessionView[]> {
    const macs = sessions.map(({ mac }) => mac);
    const devices = await this.devices.findAll(macs);
    const open = await this.suspicions.openOf(macs);
    const { enforced } = this.policy;
    return sessions.map((session) => ({
      ...this.viewOf(session, devices.get(session.mac) ?? null, enforced),
      suspicions: open.get(session.mac) ?? [],
    }));
  }

  private viewOf(
    session: Session,
    record: DeviceRow | null,
    enforced: EnforcedPolicy | null,
  ): Omit<SessionView, 'suspicions'> {
    const { class: name = null, posture = null } = record ?? {};
    const device = deviceUnderOrders(this.orders.current, session.mac, { class: name, posture });
    const snapshot = enforced && governingPolicy(enforced, session.site, session.mac);
    const desired = snapshot && grantOf(snapshot, { ...session, ...device });
    const isConverged =
      desired?.segment === session.segment && desired.vlan === session.vlan && desired.role === session.role;
    const ports = session.state === 'open' ? this.points.portsReadAt(session.nas) : null;
    const readBack = session.nasPort === null ? null : (ports?.get(session.nasPort) ?? null);
    const enforcement = verdictOf(evidenceOf(session), desired, readBack, this.clock.now());
    return { ...session, desired, isConverged, enforcement, inUse: record?.inUse ?? null };
  }
}

/** The NAS was told what policy says now, and nothing shows that it does something else. */
const isAsWanted = ({ isConverged, enforcement: { state } }: SessionView): boolean =>
  isConverged && state !== 'refused' && state !== 'diverged';

/** One page of the database. */
const lookedAtOnce = 1000;

export interface SessionView extends Session {
  /** What the policy in force says of the device now; null: no access. */
  readonly desired: AccessGrant | null;
  /** The NAS was told what the policy says now. */
  readonly isConverged: boolean;
  /** Whether the network does what was decided, as far as anything shows it. */
  readonly enforcement: Verdict;
  /** The device is in clinical use since then. */
  readonly inUse: string | null;
  /** What its device is suspected of now. */
  readonly suspicions: readonly SuspicionKind[];
}
