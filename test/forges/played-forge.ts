import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { z } from 'zod';

export interface PlayedAnswer {
  readonly status: number;
  readonly body: object;
}

export interface PlayedStatus {
  readonly sha: string;
  readonly state: string;
  readonly context: string;
  readonly description: string;
  readonly targetUrl: string | null;
}

export interface PlayedPull {
  readonly number: number;
  readonly from: string;
  readonly into: string;
  readonly title: string;
  readonly body: string;
}

export interface PlayedComment {
  readonly request: number;
  body: string;
}

/** What the interface of a forge is, for as much of it as is played: written from its published description. */
export interface PlayedInterface {
  /** Null: the caller is let in. */
  authorize(headers: IncomingHttpHeaders, token: string): PlayedAnswer | null;
  readonly routes: readonly {
    /** `POST` where none is named. */
    readonly method?: 'GET' | 'PATCH';
    /** Of path and query: the groups go to `answer`. */
    readonly path: RegExp;
    answer(forge: PlayedForge, groups: readonly string[], body: unknown): PlayedAnswer;
  }[];
  readonly notFound: PlayedAnswer;
}

/** Parses a body as strictly as the description says; `refuse` makes the forge's own answer. */
export function parsed<T>(schema: z.ZodType<T>, body: unknown, refuse: (why: string) => PlayedAnswer): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new Refused(refuse(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')));
}

class Refused extends Error {
  readonly answer: PlayedAnswer;

  constructor(answer: PlayedAnswer) {
    super('refused');
    this.answer = answer;
  }
}

/** A small server that plays the interface of a forge: one project with known commits and branches. It plays no git. */
export class PlayedForge {
  readonly project = 'clinic/policy';
  readonly token = 'token-of-the-forge';
  readonly commits = new Set<string>();
  readonly branches = new Set<string>(['main']);
  readonly statuses: PlayedStatus[] = [];
  readonly pulls: PlayedPull[] = [];
  readonly comments: PlayedComment[] = [];
  /** `METHOD path status` of each request. */
  readonly log: string[] = [];
  mode: 'serves' | 'fails' | 'hangs' = 'serves';
  private server: Server | null = null;

  private readonly played: PlayedInterface;

  constructor(played: PlayedInterface) {
    this.played = played;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      void this.answer(request).then((answer) => {
        if (!answer) return;
        this.log.push(`${request.method} ${request.url} ${answer.status}`);
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    }).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server!.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  /** States of a commit, oldest first. */
  statesOf(sha: string): string[] {
    return this.statuses.filter((status) => status.sha === sha).map(({ state }) => state);
  }

  private async answer(request: IncomingMessage): Promise<PlayedAnswer | null> {
    const body = await text(request);
    if (this.mode === 'hangs') return null;
    if (this.mode === 'fails') return { status: 502, body: {} };
    const refused = this.played.authorize(request.headers, this.token);
    if (refused) return refused;
    if (request.method !== 'GET' && request.headers['content-type'] !== 'application/json')
      return { status: 415, body: {} };
    for (const route of this.played.routes) {
      const match = request.method === (route.method ?? 'POST') ? route.path.exec(request.url ?? '') : null;
      if (!match) continue;
      try {
        return route.answer(this, match.slice(1).map(decodeURIComponent), body === '' ? null : JSON.parse(body));
      } catch (error) {
        if (error instanceof Refused) return error.answer;
        throw error;
      }
    }
    return this.played.notFound;
  }
}
