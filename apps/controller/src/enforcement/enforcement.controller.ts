import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { Refusal } from '../http/refusal.js';
import type { PointCounters } from './describe-counters.js';
import { EnforcementLoop } from './enforcement-loop.js';
import type { PointState } from './enforcement-point.js';

@Controller('api/v1/enforcement-points')
export class EnforcementController {
  constructor(@Inject(EnforcementLoop) private readonly loop: EnforcementLoop) {}

  @Get()
  @Allow('enforcement', 'read')
  @ApiRoute({ summary: 'Enforcement points, whether they hold what they should, and the last drift' })
  list(): { items: PointState[] } {
    return { items: this.loop.states() };
  }

  @Get(':name/counters')
  @Allow('enforcement', 'read')
  @ApiRoute({ summary: 'Packets and bytes by policy line at one enforcement point, and those that no line allowed' })
  counters(@Param('name') name: string): PointCounters {
    const counters = this.loop.counters().find(({ point }) => point === name);
    if (!counters)
      throw new Refusal('not-found', `the policy in force names no enforcement point \`${name}\` that can be asked`);
    return counters;
  }

  @Post(':name/sync')
  @HttpCode(200)
  @Allow('enforcement', 'write')
  @ApiRoute({ summary: 'Look at one enforcement point now and repair it; answers with its state' })
  async sync(@Param('name') name: string): Promise<PointState> {
    const state = await this.loop.sync(name);
    if (!state) throw new Refusal('not-found', `the policy in force names no enforcement point \`${name}\``);
    return state;
  }
}
