import { Body, Controller, Get, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { bridgeEventsSchema, type BridgeEvents, type BridgeEventsAnswer } from '#model';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { BridgeFeed } from './feed.js';
import { EventIntake } from './event-intake.js';

const revision = z.coerce.number().int().nonnegative().default(0);
const feedQuery = z.strictObject({
  bridge: z.string().max(200).optional(),
  since: revision,
  credentials: revision,
  digest: z
    .string()
    .regex(/^[0-9a-f]{0,64}$/)
    .optional(),
  rollout: z.string().max(100).optional(),
});

@Controller('api/v1/bridge')
export class BridgeController {
  constructor(
    @Inject(BridgeFeed) private readonly feed: BridgeFeed,
    @Inject(EventIntake) private readonly intake: EventIntake,
  ) {}

  @Get('feed')
  @Allow('bridge', 'read')
  @ApiRoute({
    summary: 'Endless NDJSON: snapshot, rollout, orders, device index and credentials, then each change',
    query: feedQuery,
  })
  async stream(
    @Res() response: ServerResponse,
    @Query(new ZodPipe(feedQuery)) query: z.infer<typeof feedQuery>,
  ): Promise<void> {
    const { bridge = null, since: devices, credentials, digest = null, rollout = null } = query;
    await this.feed.serve(response, { bridge, devices, credentials, digest, rollout });
  }

  @Post('events')
  @HttpCode(200)
  @Allow('bridge', 'write')
  @ApiRoute({ summary: 'What the bridge saw, in order; answered once stored', body: bridgeEventsSchema })
  events(@Body(new ZodPipe(bridgeEventsSchema)) batch: BridgeEvents): Promise<BridgeEventsAnswer> {
    return this.intake.take(batch);
  }
}
