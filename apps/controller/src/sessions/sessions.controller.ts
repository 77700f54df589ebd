import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { macSchema, type Session } from '#model';
import type { AccessGrant } from '#policy';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { DeviceStore } from '../devices/device-store.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { grantOf } from './resolve-principal.js';
import { SessionStore } from './session-store.js';

const listQuery = z.strictObject({
  state: z.enum(['open', 'closed']).optional(),
  site: z.string().optional(),
  mac: macSchema.optional(),
  ...pageQuery,
});

interface SessionView extends Session {
  /** What the policy in force says of the device now; null: no access. */
  readonly desired: AccessGrant | null;
  /** The NAS was told what the policy says now. */
  readonly isConverged: boolean;
}

@Controller('api/v1/sessions')
export class SessionsController {
  constructor(
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
  ) {}

  @Get()
  @Allow('sessions', 'read')
  @ApiRoute({ summary: 'Sessions as the bridges reported them, newest first', query: listQuery })
  list(@Query(new ZodPipe(listQuery)) query: z.infer<typeof listQuery>): Promise<Page<Session>> {
    return this.sessions.list(query);
  }

  @Get(':id')
  @Allow('sessions', 'read')
  @ApiRoute({ summary: 'One session: what the NAS was told, and what the policy wants now' })
  async get(@Param('id') id: string): Promise<SessionView> {
    const session = await this.sessions.get(id);
    const device = await this.devices.find(session.mac);
    const snapshot = this.policy.active?.snapshot;
    const desired = snapshot ? grantOf(snapshot, { ...session, class: null, posture: null, ...device }) : null;
    const isConverged =
      desired?.segment === session.segment && desired.vlan === session.vlan && desired.role === session.role;
    return { ...session, desired, isConverged };
  }
}
