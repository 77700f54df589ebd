import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Endpoint } from '../config.js';
import { closeServer, listenOn } from '../http-listening.js';
import type { RestAnswer } from './rest-authorization.js';

const path = '/freeradius';
const mostBodyBytes = 64 * 1024;
const requestMilliseconds = 5000;
const mostConnections = 256;

export type Answer = (token: string | null, json: unknown) => RestAnswer;

/** POST /freeradius, for rlm_rest, behind a token. It reads HTTP and JSON; what is answered is not decided here. */
export class RestServer {
  private readonly server: Server;

  constructor(
    private readonly endpoint: Endpoint,
    answer: Answer,
    onFault: (reason: string) => void,
  ) {
    this.server = createServer({ requestTimeout: requestMilliseconds }, (request, response) => {
      handle(request, response, answer).catch((error: unknown) => {
        onFault(error instanceof Error ? (error.stack ?? error.message) : String(error));
        response.destroy();
      });
    });
    this.server.maxConnections = mostConnections;
  }

  /** Resolves to the port. */
  listen(): Promise<number> {
    return listenOn(this.server, this.endpoint);
  }

  close(): Promise<void> {
    return closeServer(this.server);
  }
}

async function handle(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const send = (status: number, body: unknown = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
  };
  if (request.url?.split('?', 1)[0] !== path) return send(404);
  if (request.method !== 'POST') return send(405);
  if (Number(request.headers['content-length'] ?? 0) > mostBodyBytes) return send(413);
  const text = await readBody(request);
  const [, token = null] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  const { status, body } = answer(token, parse(text));
  return send(status, body);
}

/** One that does not say its length may be too long, too: that ends the connection. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) throw new Error('a request has more than 64 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
