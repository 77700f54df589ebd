import { Controller, Get, Inject } from '@nestjs/common';
import { Allow, Public } from '../auth/auth.guard.js';
import { BridgeFeed } from '../bridge/feed.js';
import { DeviceStore } from '../devices/device-store.js';
import { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { ApiRoute } from '../http/openapi.js';
import { describePolicy } from '../policy/describe-policy.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { PolicyStore } from '../policy/policy-store.js';
import { SessionStore } from '../sessions/session-store.js';

@Controller()
export class StatusController {
  constructor(
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(PolicyStore) private readonly versions: PolicyStore,
    @Inject(DeviceStore) private readonly devices: DeviceStore,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(BridgeFeed) private readonly feed: BridgeFeed,
    @Inject(EnforcementLoop) private readonly enforcement: EnforcementLoop,
  ) {}

  /** Alive, and nothing more: what is wrong elsewhere is in /api/v1/status, for those who may see it. */
  @Get('healthz')
  @Public()
  @ApiRoute({ summary: 'Alive (no token needed)' })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('api/v1/status')
  @Allow('status', 'read')
  @ApiRoute({ summary: 'Everything at a glance' })
  async status() {
    return {
      policy: await describePolicy(this.policy, this.versions),
      devices: await this.devices.countByClassAndPosture(),
      sessions: { open: await this.sessions.countOpen() },
      bridges: { connected: this.feed.connections, known: await this.sessions.bridges() },
      enforcementPoints: this.enforcement.states(),
    };
  }
}
