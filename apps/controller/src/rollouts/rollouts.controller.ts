import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { macSchema } from '#model';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { reasonField } from '../devices/device-fields.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { OrderStore } from '../orders/order-store.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import type { RolloutFacts } from './judge-rollout.js';
import { RolloutLoop } from './rollout-loop.js';
import { RolloutStore, type RolloutOfVersion } from './rollout-store.js';

const listQuery = z.strictObject({ ...pageQuery, cursor: z.coerce.number().int().positive().optional() });
const why = z.strictObject({ reason: reasonField });
const release = z
  .strictObject({
    mac: macSchema.optional(),
    class: z.string().min(1).max(100).optional(),
    all: z.literal(true).optional(),
    reason: reasonField,
  })
  .refine(
    ({ mac, class: name, all }) => [mac, name, all].filter((each) => each !== undefined).length === 1,
    'name one of `mac`, `class` and `all`',
  );

export interface RolloutOverview extends RolloutOfVersion {
  /** Of the one under way; null for those that are over, and before it was first looked at. */
  readonly facts: RolloutFacts | null;
  readonly waitsFor: string | null;
}

const operations = ['pause', 'resume', 'advance', 'abort'] as const;

@Controller('api/v1/rollouts')
export class RolloutsController {
  constructor(
    @Inject(RolloutLoop) private readonly loop: RolloutLoop,
    @Inject(RolloutStore) private readonly store: RolloutStore,
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
  ) {}

  @Get()
  @Allow('policy', 'read')
  @ApiRoute({ summary: 'Rollouts, newest first; the one under way with what it waits for', query: listQuery })
  async list(
    @Query(new ZodPipe(listQuery)) { cursor, limit }: z.infer<typeof listQuery>,
  ): Promise<Page<RolloutOverview>> {
    const rows = await this.store.list(limit + 1, cursor ?? null);
    return pageOf(
      rows,
      limit,
      ({ id }) => String(id),
      (row) => this.view(row),
    );
  }

  @Post('current/release')
  @HttpCode(204)
  @Allow('policy', 'write')
  @ApiRoute({
    summary: 'Sessions need not wait for the time of their class; one in clinical use waits all the same',
    body: release,
    status: 204,
  })
  release(@Actor() actor: string, @Body(new ZodPipe(release)) body: z.infer<typeof release>): Promise<void> {
    const snapshot = this.policy.staged?.snapshot ?? this.policy.active?.snapshot;
    if (!snapshot) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const { mac = null, class: name = null, reason } = body;
    return this.orders.release({ mac, class: name }, snapshot.digest, actor, reason);
  }

  @Post('roll-back')
  @HttpCode(204)
  @Allow('policy', 'write')
  @ApiRoute({
    summary: 'The policy before comes back: of a rollout that is under way, or after it was over',
    body: why,
    status: 204,
  })
  rollBack(@Actor() actor: string, @Body(new ZodPipe(why)) { reason }: z.infer<typeof why>): Promise<void> {
    return this.loop.rollBack(actor, reason);
  }

  @Post('current/:operation')
  @HttpCode(204)
  @Allow('policy', 'write')
  @ApiRoute({
    summary: 'pause; resume; advance (to the next stage now); abort (what was covered goes back to the policy before)',
    body: why,
    status: 204,
  })
  operate(
    @Actor() actor: string,
    @Param('operation', new ZodPipe(z.enum(operations))) operation: (typeof operations)[number],
    @Body(new ZodPipe(why)) { reason }: z.infer<typeof why>,
  ): Promise<void> {
    return this.loop[operation](actor, reason);
  }

  private view(row: RolloutOfVersion): RolloutOverview {
    const { current } = this.loop;
    const isCurrent = current?.row.id === row.id;
    return { ...row, facts: isCurrent ? current.facts : null, waitsFor: isCurrent ? current.why : null };
  }
}
