import { Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { postures } from '#model';
import { explainFlow, type FlowExplanation, type Placement, type Provenance } from '#policy';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { DeviceStore } from '../devices/device-store.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { resolvePrincipal } from '../sessions/resolve-principal.js';
import { LiveSessions } from '../sessions/live-sessions.js';
import { describePolicy, type PolicyStatus } from './describe-policy.js';
import { PolicyLoop, type SyncOutcome } from './policy-loop.js';
import { PolicyStore, type StoredVersion } from './policy-store.js';

const versionsQuery = z.strictObject({ ...pageQuery, cursor: z.coerce.number().int().positive().optional() });
const explainQuery = z.strictObject({
  from: z.string().min(1).max(200),
  to: z.string().min(1).max(200),
  app: z.string().min(1).max(200),
  site: z.string().min(1).max(200).optional(),
  posture: z.enum(postures).optional(),
});

/** `from` and `to` as what they count as: a MAC is its device's role or class. */
type ExplainAnswer = FlowExplanation & {
  readonly from: string;
  readonly to: string;
  readonly app: string;
  /** Of the policy in force, which the lines are from. */
  readonly provenance: Provenance;
};

@Controller('api/v1')
export class PolicyController {
  constructor(
    @Inject(PolicyLoop) private readonly loop: PolicyLoop,
    @Inject(PolicyStore) private readonly store: PolicyStore,
    @Inject(LiveSessions) private readonly sessions: LiveSessions,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
  ) {}

  @Get('policy')
  @Allow('policy', 'read')
  @ApiRoute({ summary: 'The policy in force, the newest commit when it was refused, and the repository' })
  status(): Promise<PolicyStatus> {
    return describePolicy(this.loop, this.store);
  }

  @Get('policy/files')
  @Allow('policy-files', 'read')
  @ApiRoute({ summary: 'Texts of the policy in force, by their path in its folder, and the commit that they are of' })
  async files(): Promise<{ commit: string; digest: string | null; files: Record<string, string> }> {
    const kept = await this.store.load('active');
    if (!kept) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const { commit, digest } = kept.version;
    return { commit, digest, files: Object.fromEntries(kept.files) };
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
  @ApiRoute({
    summary:
      'Would this flow pass, by which lines and memberships, or what is missing? Names, addresses or MACs; with `site` and `posture` a class as its role there',
    query: explainQuery,
  })
  async explain(@Query(new ZodPipe(explainQuery)) asked: z.infer<typeof explainQuery>): Promise<ExplainAnswer> {
    const snapshot = this.loop.active?.snapshot;
    if (!snapshot) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const ports = { snapshot, sessions: this.sessions, devices: this.devices };
    const { from, to, app } = asked;
    const query = { from: await resolvePrincipal(ports, from), to: await resolvePrincipal(ports, to), app };
    const placement = placementOf(asked);
    if (placement && (query.from !== from || query.to !== to)) {
      throw new Refusal('unprocessable', 'site and posture are for classes: those of a device are known');
    }
    const answer = explainFlow(snapshot, query, placement);
    if (answer.ok) return { ...answer.value, ...query, provenance: snapshot.provenance };
    throw new Refusal(
      'unprocessable',
      answer.diagnostics.map(({ summary }) => summary).join('; '),
      answer.diagnostics.map(({ summary, hint }) => ({ pointer: '', detail: `${summary}: ${hint}` })),
    );
  }
}

function placementOf({ site, posture }: z.infer<typeof explainQuery>): Placement | null {
  if (site !== undefined && posture !== undefined) return { site, posture };
  if (site === undefined && posture === undefined) return null;
  throw new Refusal('unprocessable', '`site` and `posture` go together: a device has its role at a site in a posture');
}
