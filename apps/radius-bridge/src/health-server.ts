import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Endpoint } from './config.js';
import { closeServer, listenOn } from './http-listening.js';
import { reasonOf } from './log.js';

export interface HealthPages {
  readonly health: () => { readonly ready: boolean };
  readonly counters: () => unknown;
  readonly metrics: { readonly contentType: string; print(): Promise<string> };
}

/**
 * GET /healthz (200 when requests can be decided, else 503) and GET /counters, as JSON, for probes and people; GET /metrics
 * for Prometheus. No secret and no MAC is on any of them.
 */
export class HealthServer {
  private readonly server: Server;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly pages: HealthPages,
    onFault: (reason: string) => void,
  ) {
    this.server = createServer((request, response) => {
      this.answer(request.method ?? '', (request.url ?? '').split('?', 1)[0]!, response).catch((error: unknown) => {
        onFault(reasonOf(error));
        response.destroy();
      });
    });
  }

  private async answer(method: string, path: string, response: ServerResponse): Promise<void> {
    const { health, counters, metrics } = this.pages;
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(body, null, 2)}\n`);
    };
    if (method !== 'GET') return send(405, {});
    if (path === '/counters') return send(200, counters());
    if (path === '/healthz') {
      const body = health();
      return send(body.ready ? 200 : 503, body);
    }
    if (path !== '/metrics') return send(404, {});
    const text = await metrics.print();
    response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
    response.end(text);
  }

  /** Resolves to the port. */
  listen(): Promise<number> {
    return listenOn(this.server, this.endpoint);
  }

  close(): Promise<void> {
    return closeServer(this.server);
  }
}
