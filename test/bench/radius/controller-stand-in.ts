import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { encodeSnapshot, type Snapshot } from '#policy';

/** As many as the controller sends at once. */
const batchSize = 1000;

/** The controller's side of the bridge's contract: sends policy and devices, takes events as fast as they come. */
export class ControllerStandIn {
  readonly token = 'token-of-the-bench';
  private readonly messages: string[];
  private readonly feeds = new Set<ServerResponse>();
  private readonly pings: NodeJS.Timeout;
  private readonly server = createServer((request, response) => {
    if (request.method === 'GET') return this.feed(response);
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { events } = JSON.parse(body) as { events: { seq: number }[] };
      response.end(JSON.stringify({ stored: events.at(-1)?.seq ?? 0 }));
    });
  });

  constructor(snapshot: Snapshot, macs: readonly string[]) {
    const batches = [];
    for (let at = 0; at < macs.length; at += batchSize) {
      const devices = macs.slice(at, at + batchSize).map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' }));
      batches.push({ type: 'devices', reset: at === 0, revision: at + devices.length, devices });
    }
    const all = [{ type: 'snapshot', snapshot: encodeSnapshot(snapshot) }, ...batches, { type: 'ping' }];
    this.messages = all.map((message) => `${JSON.stringify(message)}\n`);
    this.pings = setInterval(() => {
      for (const feed of this.feeds) feed.write('{"type":"ping"}\n');
    }, 5000);
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    clearInterval(this.pings);
    this.server.closeAllConnections();
    this.server.close();
  }

  private feed(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const message of this.messages) response.write(message);
    this.feeds.add(response);
    response.on('close', () => this.feeds.delete(response));
  }
}
