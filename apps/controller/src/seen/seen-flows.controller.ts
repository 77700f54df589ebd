import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import type { Clock } from '#base';
import type { Answered } from '#plan';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import type { IntakeAnswer } from '../denied/denial-intake.js';
import type { FlowSource } from '../flows/hourly-flow.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import type { FlowRow } from '../store/rows.js';
import { clockToken } from '../wiring.js';
import { SeenFlowStore } from './seen-flow-store.js';
import { SeenIntake } from './seen-intake.js';

/** Flows of an hour that read alike. */
export interface SeenView {
  readonly exporter: string;
  /** Role that the devices had when this was told; null: none. */
  readonly class: string | null;
  readonly sources: readonly FlowSource[];
  /** Null: several, with several services, of which there were too many to keep. */
  readonly destination: string | null;
  readonly protocol: number;
  /** Type for ICMP. */
  readonly port: number;
  readonly answered: Answered;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly packets: number;
  readonly connections: number;
}

const intakeQuery = z.strictObject({
  exporter: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/, 'letters, digits, dots and dashes, 64 at most'),
});
const seenQuery = z.strictObject({
  since: z.iso.datetime({ offset: true }).optional(),
  ...pageQuery,
  cursor: z.coerce.number().int().positive().optional(),
});
const day = 86_400_000;

@Controller('api/v1/flows/seen')
export class SeenFlowsController {
  constructor(
    @Inject(SeenIntake) private readonly intake: SeenIntake,
    @Inject(SeenFlowStore) private readonly store: SeenFlowStore,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Allow('flows', 'write')
  @ApiRoute({
    summary:
      'What an exporter saw pass, in a format of `cordon plan --flows` (text/csv or application/x-ndjson), at most 1 MB; answered once stored',
    query: intakeQuery,
    text: 'text/csv',
  })
  take(
    @Query(new ZodPipe(intakeQuery)) { exporter }: z.infer<typeof intakeQuery>,
    @Body() text: unknown,
  ): Promise<IntakeAnswer> {
    if (typeof text !== 'string') throw new Refusal('malformed', 'send lines as text/csv or application/x-ndjson');
    return this.intake.take(exporter, text);
  }

  @Get()
  @Allow('seen-flows', 'read')
  @ApiRoute({
    summary: 'What exporters saw since then (a day ago, if not given), by the hour, in the order in which it came',
    query: seenQuery,
  })
  async list(
    @Query(new ZodPipe(seenQuery)) { since, cursor, limit }: z.infer<typeof seenQuery>,
  ): Promise<Page<SeenView>> {
    const from = since ? new Date(since) : new Date(this.clock.now().getTime() - day);
    return pageOf(await this.store.page(from, cursor ?? 0, limit + 1), limit, ({ id }) => String(id), viewOf);
  }
}

function viewOf({ id: _, at: __, point, role, destination, ...flow }: FlowRow): SeenView {
  return {
    exporter: point,
    class: role === '' ? null : role,
    destination: destination === '' ? null : destination,
    ...flow,
  };
}
