import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { PolicyPlan } from '#plan';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { RolloutStore } from '../rollouts/rollout-store.js';
import { describeHistory, type PolicyPeriod } from './describe-history.js';
import { NotedChanges } from './noted-changes.js';
import { PolicyStore } from './policy-store.js';

const historyQuery = z.strictObject({ ...pageQuery, cursor: z.coerce.number().int().positive().optional() });

@Controller('api/v1/policy/history')
export class PolicyHistoryController {
  constructor(
    @Inject(PolicyStore) private readonly store: PolicyStore,
    @Inject(RolloutStore) private readonly rollouts: RolloutStore,
    @Inject(NotedChanges) private readonly changes: NotedChanges,
  ) {}

  @Get()
  @Allow('policy', 'read')
  @ApiRoute({
    summary:
      'Which policy was in force when, newest first: who approved it, what it changed, and what became of its rollout',
    query: historyQuery,
  })
  async list(
    @Query(new ZodPipe(historyQuery)) { cursor, limit }: z.infer<typeof historyQuery>,
  ): Promise<Page<PolicyPeriod>> {
    const rows = await this.store.periods.list(limit + 1, cursor ?? null);
    const page = pageOf(
      rows,
      limit,
      ({ id }) => String(id),
      (row) => row,
    );
    return { ...page, items: await describeHistory(page.items, this.store, this.rollouts) };
  }

  @Get(':id/plan')
  @Allow('policy', 'read')
  @ApiRoute({
    summary: 'All that an entry of the history changed against what was in force before, as `cordon plan` has it',
  })
  plan(@Param('id', new ZodPipe(z.coerce.number().int().positive())) id: number): Promise<PolicyPlan> {
    return this.changes.planOf(id);
  }
}
