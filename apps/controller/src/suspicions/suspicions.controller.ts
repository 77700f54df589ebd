import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { macSchema, suspicionKinds } from '#model';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { reasonField } from '../devices/device-fields.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { suspicionStates, type SuspicionRow } from '../store/rows.js';
import { SuspicionStore } from './suspicion-store.js';

const listQuery = z.strictObject({
  mac: macSchema.optional(),
  kind: z.enum(suspicionKinds).optional(),
  state: z.enum([...suspicionStates, 'all']).default('open'),
  ...pageQuery,
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
});
const dismissal = z.strictObject({ reason: reasonField });
const idPipe = new ZodPipe(z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER));

@Controller('api/v1/suspicions')
export class SuspicionsController {
  constructor(@Inject(SuspicionStore) private readonly store: SuspicionStore) {}

  @Get()
  @Allow('devices', 'read')
  @ApiRoute({
    summary: 'Devices that may not be what they say, newest first; open ones unless `state` says otherwise',
    query: listQuery,
  })
  list(@Query(new ZodPipe(listQuery)) { state, ...query }: z.infer<typeof listQuery>): Promise<Page<SuspicionRow>> {
    return this.store.list({ ...query, state: state === 'all' ? undefined : state });
  }

  @Post(':id/dismissal')
  @HttpCode(200)
  @Allow('devices', 'write')
  @ApiRoute({
    summary:
      'There is nothing to it: say why. Of a downgrade, the device has no certificate any more. It releases no device',
    body: dismissal,
  })
  dismiss(
    @Actor() actor: string,
    @Param('id', idPipe) id: number,
    @Body(new ZodPipe(dismissal)) { reason }: z.infer<typeof dismissal>,
  ): Promise<SuspicionRow> {
    return this.store.dismiss(id, reason, actor);
  }
}
