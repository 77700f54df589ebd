import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { Clock } from '#base';
import { z } from 'zod';
import { Allow, Public } from '../auth/auth.guard.js';
import { enforcementOverview, overviewKeys, type OverviewRow } from '../closed-loop/overview.js';
import { compareThreeWays, type ThreeWays } from '../closed-loop/three-ways.js';
import { policyOfSite } from '../enforcement/generations.js';
import { BridgeFeed } from '../bridge/feed.js';
import { DeviceStore } from '../devices/device-store.js';
import { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { ApiRoute } from '../http/openapi.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { OrderStore } from '../orders/order-store.js';
import { RolloutLoop } from '../rollouts/rollout-loop.js';
import { LiveSessions } from '../sessions/live-sessions.js';
import type { Config } from '../config.js';
import { clockToken, configToken } from '../wiring.js';
import { describePolicy } from '../policy/describe-policy.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { PolicyStore } from '../policy/policy-store.js';
import { ApprovalAsker } from '../forges/approval-asker.js';
import { StatusSender } from '../forges/status-sender.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import { SessionStore } from '../sessions/session-store.js';

const overviewQuery = z.strictObject({ by: z.enum(overviewKeys).default('site') });

@Controller()
export class StatusController {
  constructor(
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(PolicyStore) private readonly versions: PolicyStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(BridgeFeed) private readonly feed: BridgeFeed,
    @Inject(EnforcementLoop) private readonly enforcement: EnforcementLoop,
    @Inject(RolloutLoop) private readonly rollouts: RolloutLoop,
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(WebhookSender) private readonly webhooks: WebhookSender,
    @Inject(StatusSender) private readonly statuses: StatusSender,
    @Inject(ApprovalAsker) private readonly approvals: ApprovalAsker,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(configToken) private readonly config: Config,
  ) {}

  /** Alive, and nothing more: what is wrong elsewhere is in /api/v1/status, for those who may see it. */
  @Get('healthz')
  @Public()
  @ApiRoute({ summary: 'Alive (no token needed)' })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('api/v1/enforcement')
  @Allow('status', 'read')
  @ApiRoute({
    summary: 'Open sessions by what the network does with them, of each site, class or switch',
    query: overviewQuery,
  })
  async overview(
    @Query(new ZodPipe(overviewQuery)) { by }: z.infer<typeof overviewQuery>,
  ): Promise<{ items: OverviewRow[] }> {
    const state = { enforced: this.rollouts.enforced, orders: this.orders.current, points: this.enforcement };
    return { items: await enforcementOverview(this.live, state, by, this.clock.now()) };
  }

  @Get('api/v1/status')
  @Allow('status', 'read')
  @ApiRoute({ summary: 'Everything at a glance' })
  async status() {
    const { installation, policy } = this.config;
    return {
      installation: { name: installation, sites: policy.sites },
      policy: await describePolicy(this.policy, this.versions),
      devices: await this.devices.countByClassAndPosture(),
      sessions: { open: await this.sessions.countOpen() },
      bridges: { connected: this.feed.connections, known: await this.sessions.bridges() },
      enforcementPoints: this.enforcement.states(),
      rollout: this.rollout(),
      breakGlass: this.orders.current.breakGlass,
      webhooks: await this.webhooks.state(),
      commitStatuses: await this.statuses.state(),
      approvals: await this.approvals.state(),
      threeWays: await this.threeWays(),
    };
  }

  private async threeWays(): Promise<ThreeWays> {
    const { active, staged, head, hold, sourceState: source } = this.policy;
    const { enforced } = this.rollouts;
    const version = head === null ? null : await this.versions.newestOf(head);
    const listening = this.feed.listening;
    const bridges = await this.sessions.bridges();
    const sideOf = ({ snapshot, version: { commit } }: Pick<NonNullable<typeof active>, 'snapshot' | 'version'>) => ({
      commit,
      digest: snapshot.digest,
    });
    return compareThreeWays({
      source,
      head: version,
      inForce: active && {
        ...sideOf(active),
        since: (await this.versions.periods.newestSince()) ?? active.version.at,
      },
      staged: staged && sideOf(staged),
      hold,
      bridges: bridges.map((bridge) => ({ ...bridge, isListening: listening.has(bridge.id) })),
      points: this.enforcement.states(),
      wantedAt: (site) => enforced && policyOfSite(enforced, site).digest,
      now: this.clock.now(),
    });
  }

  private rollout() {
    const { current } = this.rollouts;
    if (!current) return null;
    const { id, status, stage, reason, rules } = current.row;
    return { id, status, stage: rules.stages[stage]?.name ?? null, reason, waitsFor: current.why };
  }
}
