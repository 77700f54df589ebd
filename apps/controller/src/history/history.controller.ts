import { Controller, Get, Headers, Inject, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { macSchema } from '#model';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { AuthenticationStore, type MarkedAuthentication } from './authentication-store.js';
import { AuthenticationStream } from './authentication-stream.js';
import { Historian, type HistoryAnswer, type PlacementAnswer } from './historian.js';
import type { Subject } from './history-store.js';

const text = z.string().min(1).max(200);
/** Stored instants are UTC with milliseconds, and compared as texts. */
const instant = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value).toISOString())
  .meta({ description: 'ISO 8601 with `Z` or an offset' });

const filter = {
  mac: macSchema.optional(),
  nas: text.optional(),
  port: text.optional(),
  outcome: z.enum(['accept', 'reject']).optional(),
  segment: text.optional(),
};
const listQuery = z.strictObject({
  ...filter,
  from: instant.optional(),
  to: instant.optional(),
  ...pageQuery,
  cursor: z
    .string()
    .regex(/^[\dT:.Z-]{24}~\d{1,15}$/, 'is the `next` of the page before')
    .optional(),
});
const streamQuery = z.strictObject({
  ...filter,
  recent: z.coerce.number().int().min(0).max(1000).default(0),
  /** For who can't set the header. */
  lastEventId: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});
const subject = { mac: macSchema.optional(), nas: text.optional(), port: text.optional() };
const historyQuery = z.strictObject({
  ...subject,
  from: instant.optional(),
  to: instant.optional(),
  limit: z.coerce.number().int().min(1).max(5000).default(500),
});
const placementQuery = z.strictObject({ ...subject, at: instant });

@Controller('api/v1')
export class HistoryController {
  constructor(
    @Inject(AuthenticationStore) private readonly authentications: AuthenticationStore,
    @Inject(AuthenticationStream) private readonly live: AuthenticationStream,
    @Inject(Historian) private readonly historian: Historian,
  ) {}

  @Get('authentications')
  @Allow('sessions', 'read')
  @ApiRoute({ summary: 'What bridges answered to devices, newest first', query: listQuery })
  list(@Query(new ZodPipe(listQuery)) query: z.infer<typeof listQuery>): Promise<Page<MarkedAuthentication>> {
    return this.authentications.list(query);
  }

  @Get('authentications/stream')
  @Allow('sessions', 'read')
  @ApiRoute({
    summary:
      'The same as it comes: server-sent events `authentication`, and `gap` for what is no longer stored; goes on from Last-Event-ID',
    query: streamQuery,
  })
  async stream(
    @Res() response: ServerResponse,
    @Query(new ZodPipe(streamQuery)) { recent, lastEventId, ...asked }: z.infer<typeof streamQuery>,
    @Headers('last-event-id') last: string | undefined,
  ): Promise<void> {
    const inHeader = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : null;
    await this.live.serve(response, { filter: asked, recent, lastEventId: inHeader ?? lastEventId ?? null });
  }

  @Get('history')
  @Allow('sessions', 'read')
  @ApiRoute({
    summary:
      'All that happened to a device, or on a port, oldest first: authentications, its sessions, CoA, its record, policy',
    query: historyQuery,
  })
  history(@Query(new ZodPipe(historyQuery)) query: z.infer<typeof historyQuery>): Promise<HistoryAnswer> {
    return this.historian.history(subjectOf(query), { from: query.from, to: query.to }, query.limit);
  }

  @Get('history/placement')
  @Allow('sessions', 'read')
  @ApiRoute({
    summary: 'Where a device was, or what a port had, at an instant: by which decision, rule, commit and author',
    query: placementQuery,
  })
  placement(@Query(new ZodPipe(placementQuery)) query: z.infer<typeof placementQuery>): Promise<PlacementAnswer> {
    return this.historian.placement(subjectOf(query), query.at);
  }
}

function subjectOf({
  mac,
  nas,
  port,
}: {
  mac?: Subject['mac'];
  nas?: string | undefined;
  port?: string | undefined;
}): Subject {
  if (mac !== undefined && nas === undefined && port === undefined) return { mac };
  if (mac === undefined && nas !== undefined && port !== undefined) return { nas, port };
  throw new Refusal('unprocessable', 'name either `mac`, or `nas` and `port`');
}
