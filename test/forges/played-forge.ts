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

export interface PlayedReview {
  /** Null: the account is gone. */
  readonly by: string | null;
  readonly says: 'approves' | 'wants changes' | 'remarks' | 'was dismissed';
  readonly at: string;
  /** The last commit of the pull request by then. */
  readonly of: string;
}

/** A pull request that brought commits. */
export interface PlayedMerge {
  readonly number: number;
  readonly commits: readonly string[];
  /** The last commit that was pushed to it. */
  readonly head: string;
  readonly isMerged: boolean;
  readonly reviews: readonly PlayedReview[];
}

/** What the interface of a forge is, for as much of it as is played: written from its published description. */
export interface PlayedInterface {
  /** Null: the caller is let in. */
  authorize(headers: IncomingHttpHeaders, token: string): PlayedAnswer | null;
  readonly routes: readonly {
    /** `POST` where none is named. */
    readonly method?: 'GET' | 'PATCH';
    /** Of the path: the groups go to `answer`. */
    readonly path: RegExp;
    answer(forge: PlayedForge, groups: readonly string[], body: unknown, query: URLSearchParams): PlayedAnswer;
  }[];
  readonly notFound: PlayedAnswer;
}

/** Parses a body as strictly as the description says; `refuse` makes the forge's own answer. */
export function parsed<T>(schema: z.ZodType<T>, body: unknown, refuse: (why: string) => PlayedAnswer): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new Refused(refuse(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')));
}

/** One page of a list, as `page` and a size ask for it; sizes are bounded. */
export function paged<T>(all: readonly T[], query: URLSearchParams, size: string, usual: number, most: number): T[] {
  const per = Math.min(Number(query.get(size) ?? usual), most);
  const page = Number(query.get('page') ?? 1);
  return all.slice((page - 1) * per, page * per);
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
  readonly merges: PlayedMerge[] = [];
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

  /** Those that brought a commit. */
  mergesOf(sha: string): PlayedMerge[] {
    return this.merges.filter(({ commits }) => commits.includes(sha));
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
    const { method = 'GET', url = '/' } = request;
    if (method !== 'GET' && request.headers['content-type'] !== 'application/json') return { status: 415, body: {} };
    const { pathname, searchParams } = new URL(url, this.url);
    for (const route of this.played.routes) {
      const match = method === (route.method ?? 'POST') ? route.path.exec(pathname) : null;
      if (!match) continue;
      try {
        const sent: unknown = method !== 'GET' ? JSON.parse(body) : null;
        return route.answer(this, match.slice(1).map(decodeURIComponent), sent, searchParams);
      } catch (error) {
        if (error instanceof Refused) return error.answer;
        throw error;
      }
    }
    return this.played.notFound;
  }
}
