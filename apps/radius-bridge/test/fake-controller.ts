import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bridgeEventsSchema, type BridgeEvent, type FeedMessage } from '#model';

export interface FeedConnection {
  readonly since: number;
  readonly credentials: number;
  readonly digest: string | null;
}

/**
 * The controller's side of the feed contract, without a store: sends what the test says and keeps the events. It enforces
 * the contract: events that do not parse, or whose numbers do not grow, are refused and make the test fail.
 */
export class FakeController {
  readonly connections: FeedConnection[] = [];
  readonly events: BridgeEvent[] = [];
  readonly violations: string[] = [];
  /** Last number by bridge. */
  readonly stored = new Map<string, number>();
  private readonly feeds = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => void this.answer(request, response));
  private changed = Promise.withResolvers<void>();
  /** Sent to each bridge that connects. */
  initial: FeedMessage[] = [];
  isRefusingEvents = false;

  constructor(private readonly token: string) {}

  async listen(port = 0): Promise<string> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  send(message: FeedMessage): void {
    for (const feed of this.feeds) feed.write(`${JSON.stringify(message)}\n`);
  }

  /** Resolves with the first non-null answer; it is asked again whenever something comes in. */
  async until<T>(answer: () => T | null | undefined | false, milliseconds = 10_000): Promise<T> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const found = answer();
      if (found) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not seen within ${milliseconds} ms: ${answer.toString()}`);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.changed.promise, new Promise((resolve) => (timer = setTimeout(resolve, left)))]);
      clearTimeout(timer);
    }
  }

  private notify(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end();
    const url = new URL(request.url ?? '', 'http://controller');
    if (url.pathname === '/api/v1/bridge/feed') this.feed(url, response);
    else if (url.pathname === '/api/v1/bridge/events' && request.method === 'POST') await this.store(request, response);
    else response.writeHead(404).end();
  }

  private feed(url: URL, response: ServerResponse): void {
    const numberOf = (name: string): number => Number(url.searchParams.get(name));
    const digest = url.searchParams.get('digest');
    this.connections.push({ since: numberOf('since'), credentials: numberOf('credentials'), digest });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const message of this.initial) response.write(`${JSON.stringify(message)}\n`);
    this.feeds.add(response);
    response.on('close', () => this.feeds.delete(response));
    this.notify();
  }

  private async store(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (this.isRefusingEvents) return void response.writeHead(503).end();
    const parsed = bridgeEventsSchema.safeParse(JSON.parse(text));
    if (!parsed.success) {
      this.violations.push(parsed.error.message);
      return void response.writeHead(400).end();
    }
    const { bridge } = parsed.data;
    for (const event of parsed.data.events) {
      if (event.seq <= (this.stored.get(bridge) ?? 0)) continue;
      this.stored.set(bridge, event.seq);
      this.events.push(event);
    }
    const stored = parsed.data.events.at(-1)?.seq ?? 0;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ stored }));
    this.notify();
  }
}
