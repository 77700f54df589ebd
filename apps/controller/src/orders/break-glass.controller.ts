import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import type { Clock } from '#base';
import { macSchema, unknownClass } from '#model';
import { breakGlassClass } from '#policy';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { reasonField } from '../devices/device-fields.js';
import { DeviceStore } from '../devices/device-store.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { Log } from '../log.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import type { BreakGlassRow } from '../store/rows.js';
import { clockToken } from '../wiring.js';
import { OrderStore } from './order-store.js';

const id = z.coerce.number().int().positive();
const listQuery = z.strictObject({ ...pageQuery, cursor: id.optional() });
const newBreakGlass = z
  .strictObject({
    mac: macSchema.optional(),
    class: z.string().min(1).max(100).optional(),
    hours: z.number().positive().max(72),
    by: z.string().trim().min(3, 'name the person who orders it').max(100),
    reason: reasonField,
  })
  .refine(({ mac, class: name }) => (mac === undefined) !== (name === undefined), 'name either `mac` or `class`');

export interface BreakGlassView extends BreakGlassRow {
  readonly isOpen: boolean;
}

@Controller('api/v1/break-glass')
export class BreakGlassController {
  constructor(
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(Log) private readonly log: Log,
  ) {}

  @Get()
  @Allow('orders', 'read')
  @ApiRoute({ summary: 'Devices and classes that were opened past their policy, newest first', query: listQuery })
  async list(
    @Query(new ZodPipe(listQuery)) { cursor, limit }: z.infer<typeof listQuery>,
  ): Promise<Page<BreakGlassView>> {
    return pageOf(
      await this.orders.list(limit + 1, cursor ?? null),
      limit,
      (row) => String(row.id),
      (row) => this.view(row),
    );
  }

  @Post()
  @Allow('orders', 'write')
  @ApiRoute({
    summary: 'Open a device or class for a limited time: it counts as the class that the policy names for this',
    body: newBreakGlass,
    status: 201,
  })
  async open(
    @Actor() actor: string,
    @Body(new ZodPipe(newBreakGlass)) order: z.infer<typeof newBreakGlass>,
  ): Promise<BreakGlassView> {
    const snapshot = this.policy.active?.snapshot;
    if (!snapshot) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const { mac = null, class: named, hours, by, reason } = order;
    const name = named ?? (mac && (await this.devices.find(mac))?.class) ?? unknownClass;
    const opens = breakGlassClass(snapshot, name);
    if (opens === null)
      throw new Refusal('unprocessable', `the policy has nothing that class \`${name}\` may be opened to`, [
        { pointer: mac ? '/mac' : '/class', detail: 'name a class in `breakGlass` of network/rollout.yaml' },
      ]);
    const most = snapshot.rollout.breakGlass.mostSeconds / 3600;
    if (hours > most)
      throw new Refusal('unprocessable', `the policy allows at most ${most} hours`, [
        { pointer: '/hours', detail: `at most ${most}` },
      ]);
    const until = new Date(this.clock.now().getTime() + hours * 3_600_000);
    const row = await this.orders.breakGlass({ mac, class: named ?? null, opens, openedBy: by, reason, until }, actor);
    const subject = mac ?? `class ${named}`;
    this.log.error('BREAK GLASS', { subject, opens, by, actor, reason, until: until.toISOString() });
    return this.view(row);
  }

  @Delete(':id')
  @Allow('orders', 'write')
  @ApiRoute({ summary: 'Close it before its time' })
  async close(@Actor() actor: string, @Param('id', new ZodPipe(id)) which: number): Promise<BreakGlassView> {
    return this.view(await this.orders.close(which, actor));
  }

  private view(row: BreakGlassRow): BreakGlassView {
    return { ...row, isOpen: row.closedAt === null && row.until > this.clock.now().toISOString() };
  }
}
