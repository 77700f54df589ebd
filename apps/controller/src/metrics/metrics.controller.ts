import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { ControllerMetrics } from './controller-metrics.js';

@Controller()
export class MetricsController {
  constructor(@Inject(ControllerMetrics) private readonly metrics: ControllerMetrics) {}

  @Get('metrics')
  @Allow('metrics', 'read')
  @ApiRoute({ summary: 'Metrics for Prometheus (text format); a token of role `monitor` is enough' })
  async print(@Res() response: ServerResponse): Promise<void> {
    const text = await this.metrics.print();
    response.writeHead(200, { 'Content-Type': this.metrics.contentType, 'Cache-Control': 'no-store' });
    response.end(text);
  }
}
