import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Endpoint } from './config.js';

/** GET /healthz (200 when requests can be decided, else 503) and GET /counters, as JSON, for probes and people. */
export class HealthServer {
  private readonly server: Server;

  constructor(
    private readonly endpoint: Endpoint,
    health: () => { readonly ready: boolean },
    counters: () => unknown,
  ) {
    this.server = createServer((request, response) => {
      const path = (request.url ?? '').split('?', 1)[0];
      const body = path === '/healthz' ? health() : path === '/counters' ? counters() : null;
      const isReady = path !== '/healthz' || health().ready;
      const status = request.method !== 'GET' ? 405 : body === null ? 404 : isReady ? 200 : 503;
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(status === 200 || status === 503 ? `${JSON.stringify(body, null, 2)}\n` : '{}\n');
    });
  }

  /** Resolves to the port. */
  async listen(): Promise<number> {
    this.server.listen(this.endpoint.port, this.endpoint.host);
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
