import { Body, Controller, Get, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Clock } from '#base';
import { bridgeEventsSchema, type BridgeEvents, type BridgeEventsAnswer } from '#model';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import type { Config } from '../config.js';
import { ApiRoute } from '../http/openapi.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { Database } from '../store/database.js';
import { clockToken, configToken } from '../wiring.js';
import { Wakeups } from '../wakeups.js';
import { BridgeFeed } from './feed.js';
import { storeEvents } from './store-events.js';

const revision = z.coerce.number().int().nonnegative().default(0);
const feedQuery = z.strictObject({
  since: revision,
  credentials: revision,
  digest: z
    .string()
    .regex(/^[0-9a-f]{0,64}$/)
    .optional(),
});

@Controller('api/v1/bridge')
export class BridgeController {
  constructor(
    @Inject(BridgeFeed) private readonly feed: BridgeFeed,
    @Inject(Database) private readonly database: Database,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(configToken) private readonly config: Config,
  ) {}

  @Get('feed')
  @Allow('bridge', 'read')
  @ApiRoute({ summary: 'Endless NDJSON: snapshot, device index and credentials, then each change', query: feedQuery })
  async stream(
    @Res() response: ServerResponse,
    @Query(new ZodPipe(feedQuery)) query: z.infer<typeof feedQuery>,
  ): Promise<void> {
    const { since: devices, credentials, digest = null } = query;
    await this.feed.serve(response, { devices, credentials, digest });
  }

  @Post('events')
  @HttpCode(200)
  @Allow('bridge', 'write')
  @ApiRoute({ summary: 'What the bridge saw, in order; answered once stored', body: bridgeEventsSchema })
  async events(@Body(new ZodPipe(bridgeEventsSchema)) batch: BridgeEvents): Promise<BridgeEventsAnswer> {
    const stored = await storeEvents(this.database, batch, this.clock.now(), this.config.history);
    const { answer, sessionsChanged, authentications } = stored;
    if (sessionsChanged) this.wakeups.fire('sessions');
    if (authentications > 0) this.wakeups.fire('authentications');
    return answer;
  }
}
