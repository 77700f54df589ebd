import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import type { Clock } from '#base';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { ApiRoute } from '../http/openapi.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { clockToken } from '../wiring.js';
import { DenialIntake, type DenialAnswer } from './denial-intake.js';
import { DeniedFlowStore } from './denied-flow-store.js';
import { describeDenied, type DeniedView } from './describe-denied.js';

const name = z.string().min(1).max(128);
const intakeQuery = z.strictObject({ point: name });
const deniedQuery = z.strictObject({
  since: z.iso.datetime({ offset: true }).optional(),
  class: name.optional(),
  point: name.optional(),
  limit: z.coerce.number().int().min(1).max(5000).default(500),
});
const hour = 3_600_000;

@Controller('api/v1/flows')
export class FlowsController {
  constructor(
    @Inject(DenialIntake) private readonly intake: DenialIntake,
    @Inject(DeniedFlowStore) private readonly store: DeniedFlowStore,
    @Inject(EnforcementLoop) private readonly enforcement: EnforcementLoop,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Allow('flows', 'write')
  @ApiRoute({
    summary: 'What a gateway denied: JSON lines of its ulogd2, at most 1 MB; answered once stored',
    query: intakeQuery,
    text: 'application/x-ndjson',
  })
  take(
    @Query(new ZodPipe(intakeQuery)) { point }: z.infer<typeof intakeQuery>,
    @Body() text: unknown,
  ): Promise<DenialAnswer> {
    if (typeof text !== 'string') throw new Refusal('malformed', 'send lines of JSON as application/x-ndjson');
    return this.intake.take(point, text);
  }

  @Get('denied')
  @Allow('flows', 'read')
  @ApiRoute({
    summary:
      'What gateways denied since then, by class, destination and service, and whether policy would allow it now',
    query: deniedQuery,
  })
  async denied(
    @Query(new ZodPipe(deniedQuery)) { since, ...query }: z.infer<typeof deniedQuery>,
  ): Promise<{ items: DeniedView[] }> {
    const from = since ? new Date(since) : new Date(this.clock.now().getTime() - hour);
    const totals = await this.store.totals({ ...query, since: from });
    const snapshot = this.policy.active?.snapshot ?? null;
    return { items: totals.map((total) => describeDenied(total, snapshot, this.enforcement.rolesAt(total.point))) };
  }
}
