import { Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { explainFlow, type FlowVerdict } from '#policy';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { DeviceStore } from '../devices/device-store.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { resolvePrincipal } from '../sessions/resolve-principal.js';
import { SessionStore } from '../sessions/session-store.js';
import { describePolicy, type PolicyStatus } from './describe-policy.js';
import { PolicyLoop, type SyncOutcome } from './policy-loop.js';
import { PolicyStore, type StoredVersion } from './policy-store.js';

const versionsQuery = z.strictObject({ ...pageQuery, cursor: z.coerce.number().int().positive().optional() });
const explainQuery = z.strictObject({
  from: z.string().min(1).max(200),
  to: z.string().min(1).max(200),
  app: z.string().min(1).max(200),
});

@Controller('api/v1')
export class PolicyController {
  constructor(
    @Inject(PolicyLoop) private readonly loop: PolicyLoop,
    @Inject(PolicyStore) private readonly store: PolicyStore,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
  ) {}

  @Get('policy')
  @Allow('policy', 'read')
  @ApiRoute({ summary: 'The policy in force, the newest commit when it was refused, and the repository' })
  status(): Promise<PolicyStatus> {
    return describePolicy(this.loop, this.store);
  }

  @Get('policy/versions')
  @Allow('policy', 'read')
  @ApiRoute({ summary: 'Every commit that was judged, newest first', query: versionsQuery })
  async versions(
    @Query(new ZodPipe(versionsQuery)) { cursor, limit }: z.infer<typeof versionsQuery>,
  ): Promise<Page<StoredVersion>> {
    return pageOf(
      await this.store.versions(limit + 1, cursor ?? null),
      limit,
      ({ id }) => String(id),
      (version) => version,
    );
  }

  @Post('policy/sync')
  @HttpCode(200)
  @Allow('policy', 'write')
  @ApiRoute({ summary: 'Look at the repository now; answers with what came of it' })
  sync(@Actor() actor: string): Promise<SyncOutcome> {
    return this.loop.sync(actor, true);
  }

  @Get('explain')
  @Allow('policy', 'read')
  @ApiRoute({ summary: 'Would this flow pass, and by which lines? Names, addresses or MACs', query: explainQuery })
  async explain(
    @Query(new ZodPipe(explainQuery)) { from, to, app }: z.infer<typeof explainQuery>,
  ): Promise<FlowVerdict & { from: string; to: string; app: string }> {
    const snapshot = this.loop.active?.snapshot;
    if (!snapshot) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const ports = { snapshot, sessions: this.sessions, devices: this.devices };
    const query = { from: await resolvePrincipal(ports, from), to: await resolvePrincipal(ports, to), app };
    const answer = explainFlow(snapshot, query);
    if (answer.ok) return { ...answer.value, ...query };
    throw new Refusal(
      'unprocessable',
      answer.diagnostics.map(({ summary }) => summary).join('; '),
      answer.diagnostics.map(({ summary, hint }) => ({ pointer: '', detail: `${summary}: ${hint}` })),
    );
  }
}
