import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ForgeError } from './forge-client.js';
import type { ReviewForge } from './forge.js';
import { gitea } from './gitea.js';
import { github } from './github.js';
import { GitlabForge } from './gitlab.js';
import { IssueForge } from './issue-forge.js';
import type { ForgeName } from './pipeline.js';
import { markerOf, postSticky } from './sticky-comment.js';

const token = 'a-token-of-the-test';
const commit = 'a'.repeat(40);
const pageSize = 100;

interface Stored {
  readonly id: number;
  body: string;
  readonly author: string;
}

/** How each forge's published API says that it is asked, and what it answers. */
const dialects = {
  github: {
    self: 'github-actions[bot]',
    authorization: ['authorization', `Bearer ${token}`],
    list: '/repos/o/r/issues/7/comments',
    create: ['POST', '/repos/o/r/issues/7/comments'],
    update: ['PATCH', '/repos/o/r/issues/comments/'],
    statuses: `/repos/o/r/statuses/${commit}`,
    states: ['error', 'failure', 'pending', 'success'],
    statusName: 'context',
    view: ({ id, body, author }: Stored) => ({ id, body, user: { login: author, type: 'Bot' } }),
    user: () => null,
    hasPages: true,
    make: (api: string, sleep: (ms: number) => Promise<void>): ReviewForge =>
      new IssueForge(github, { api, token, sleep }, { repository: 'o/r', request: 7, commit }),
  },
  gitlab: {
    self: 'project_42_bot',
    authorization: ['private-token', token],
    list: '/projects/42/merge_requests/7/notes',
    create: ['POST', '/projects/42/merge_requests/7/notes'],
    update: ['PUT', '/projects/42/merge_requests/7/notes/'],
    statuses: `/projects/42/statuses/${commit}`,
    states: ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'],
    statusName: 'name',
    view: ({ id, body, author }: Stored) => ({ id, body, author: { username: author }, system: false }),
    user: () => ({ id: 1, username: 'project_42_bot' }),
    hasPages: true,
    make: (api: string, sleep: (ms: number) => Promise<void>): ReviewForge =>
      new GitlabForge({ api, token, sleep }, { repository: '42', request: 7, commit }),
  },
  gitea: {
    self: 'cordon',
    authorization: ['authorization', `token ${token}`],
    list: '/repos/o/r/issues/7/comments',
    create: ['POST', '/repos/o/r/issues/7/comments'],
    update: ['PATCH', '/repos/o/r/issues/comments/'],
    statuses: `/repos/o/r/statuses/${commit}`,
    states: ['pending', 'success', 'error', 'failure', 'warning'],
    statusName: 'context',
    view: ({ id, body, author }: Stored) => ({ id, body, user: { login: author } }),
    user: () => ({ id: 1, login: 'cordon' }),
    hasPages: false,
    make: (api: string, sleep: (ms: number) => Promise<void>): ReviewForge =>
      new IssueForge(gitea, { api, token, sleep }, { repository: 'o/r', request: 7, commit }),
  },
} as const satisfies Record<ForgeName, object>;

type Dialect = (typeof dialects)[ForgeName];

/** A forge that refuses what the published API does not have. */
class FakeForge {
  readonly stored: Stored[] = [];
  readonly statuses: Record<string, string>[] = [];
  readonly writes: string[] = [];
  /** Answers of the next requests, before anything is done. */
  faults: { status: number; headers?: Record<string, string>; after?: boolean }[] = [];
  private readonly server: Server;

  constructor(private readonly dialect: Dialect) {
    this.server = createServer((request, response) => {
      void this.answer(request).then(({ status, headers = {}, body }) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body ?? {})),
      );
    });
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = this.faults.shift();
    if (fault && !fault.after) return { status: fault.status, headers: fault.headers, body: { message: 'a fault' } };
    const done = this.handle(request, Buffer.concat(chunks).toString());
    return fault ? { status: fault.status, headers: fault.headers, body: { message: 'done, and not told' } } : done;
  }

  private handle(
    request: IncomingMessage,
    text: string,
  ): { status: number; headers?: Record<string, string>; body?: unknown } {
    const { dialect } = this;
    const url = new URL(request.url!, 'http://x');
    const [header, value] = dialect.authorization;
    if (request.headers[header] !== value) return { status: 401, body: { message: 'Bad credentials' } };
    const at = `${request.method} ${url.pathname}`;
    if (at === 'GET /user') {
      const user = dialect.user();
      return user
        ? { status: 200, body: user }
        : { status: 403, body: { message: 'Resource not accessible by integration' } };
    }
    if (at === `GET ${dialect.list}`) return this.page(url);
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, string>);
    if (at === `POST ${dialect.statuses}`) return this.status(body);
    if (typeof body['body'] !== 'string' || body['body'] === '')
      return { status: 422, body: { message: 'body is missing' } };
    this.writes.push(at);
    if (at === dialect.create.join(' ')) {
      const stored = { id: 1000 + this.stored.length, body: body['body'], author: dialect.self };
      this.stored.push(stored);
      return { status: 201, body: dialect.view(stored) };
    }
    const [method, path] = dialect.update;
    const found = this.stored.find(({ id }) => at === `${method} ${path}${id}`);
    if (!found) return { status: 404, body: { message: 'Not Found' } };
    found.body = body['body'];
    return { status: 200, body: dialect.view(found) };
  }

  private page(url: URL) {
    const views = this.stored.map((each) => this.dialect.view(each));
    if (!this.dialect.hasPages) return { status: 200, body: views };
    const size = Number(url.searchParams.get('per_page') ?? '20');
    if (size > pageSize) return { status: 422 };
    const page = Number(url.searchParams.get('page') ?? '1');
    const headers =
      page * size < views.length ? { link: `<http://x/?page=${page + 1}>; rel="next", <http://x/>; rel="first"` } : {};
    return {
      status: 200,
      headers: headers as Record<string, string>,
      body: views.slice((page - 1) * size, page * size),
    };
  }

  private status(body: Record<string, string>) {
    const isGood =
      (this.dialect.states as readonly string[]).includes(body['state'] ?? '') &&
      body[this.dialect.statusName] === 'cordon/plan' &&
      (body['description'] ?? '').length <= 140;
    if (!isGood) return { status: 422, body: { message: 'Validation Failed' } };
    this.statuses.push(body);
    return { status: 201 };
  }
}

describe.each(Object.entries(dialects))('a comment on %s', (_, dialect) => {
  let fake: FakeForge;
  let forge: ReviewForge;
  let waited: number[];
  const sleep = (milliseconds: number): Promise<void> => {
    waited.push(milliseconds);
    return Promise.resolve();
  };

  beforeEach(async () => {
    waited = [];
    fake = new FakeForge(dialect);
    forge = dialect.make(await fake.listen(), sleep);
  });
  afterEach(() => fake.close());

  const post = (text: string, policy = 'policies') => postSticky(forge, policy, text, sleep);
  const strangers = (count: number): void => {
    for (let i = 0; i < count; i++) fake.stored.push({ id: i + 1, body: `remark ${i}`, author: 'somebody' });
  };

  it('is made once, then updated, then left as it is', async () => {
    expect(await post('one')).toBe('created');
    expect(await post('two')).toBe('updated');
    expect(await post('two')).toBe('unchanged');
    expect(fake.stored.map(({ body }) => body)).toEqual([`${markerOf('policies')}\ntwo`]);
    expect(fake.writes).toHaveLength(2);
  });

  it('is found behind many others', async () => {
    strangers(150);
    await post('one');
    strangers(150);
    expect(await post('two')).toBe('updated');
    expect(fake.stored.filter(({ author }) => author === dialect.self)).toHaveLength(1);
  });

  it('is never a stranger’s that has our marker', async () => {
    fake.stored.push({ id: 1, body: `${markerOf('policies')}\nall is well`, author: 'somebody' });
    expect(await post('two')).toBe('created');
    expect(fake.stored[0]!.body).toContain('all is well');
  });

  it('is one for each policy of the repository', async () => {
    await post('one', 'policies');
    expect(await post('one', 'policies--x')).toBe('created');
    expect(markerOf('a-->b')).toMatch(/^<!-- cordon-plan [^->]+ -->$/);
  });

  it('is tried again while the fault may pass, as long as the forge asks', async () => {
    fake.faults = [{ status: 502 }, { status: 503 }, { status: 429, headers: { 'retry-after': '7' } }];
    expect(await post('one')).toBe('created');
    expect(waited).toEqual([1000, 2000, 7000]);
  });

  it('is not made twice where the answer to the first was lost', async () => {
    // Who we are, the list, and then the comment: made, but answered with a fault.
    fake.faults = [undefined, undefined, { status: 502, after: true }] as unknown as typeof fake.faults;
    expect(await post('one')).toBe('unchanged');
    expect(fake.stored).toHaveLength(1);
  });

  it('gives up on a fault that does not pass, with the words of the forge', async () => {
    fake.faults = Array.from({ length: 9 }, () => ({ status: 500 }));
    const error = await post('one').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ForgeError);
    expect((error as ForgeError).message).toMatch(/500 \(a fault\)$/);
    expect(waited).toHaveLength(4);
    expect((error as ForgeError).message).not.toContain(token);
  });

  it('is not sent where it is longer than the forge takes', () => {
    expect(() => post('x'.repeat(forge.commentLimit))).toThrow(/--max-bytes/);
    expect(fake.stored).toEqual([]);
  });

  it('comes with a status, in the words of the forge', async () => {
    await forge.setStatus({ isGood: true, description: 'x'.repeat(100), page: 'https://ci.example/1' });
    await forge.setStatus({ isGood: false, description: 'short', page: null });
    expect(fake.statuses.map(({ state }) => state)).toEqual([
      'success',
      dialect.states.includes('failed' as never) ? 'failed' : 'failure',
    ]);
    expect(fake.statuses[0]).toMatchObject({ target_url: 'https://ci.example/1' });
  });

  it('says that the token may not, when it may not', async () => {
    fake.faults = [undefined, undefined, { status: 403 }] as unknown as typeof fake.faults;
    const error = await post('one').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ isDenied: true });
    expect(waited).toEqual([]);
  });
});

it('a token does not travel in clear, nor along a redirect', async () => {
  const place = { repository: 'o/r', request: 7, commit };
  const sleep = () => Promise.resolve();
  expect(() => new IssueForge(github, { api: 'http://git.example/api/v3', token, sleep }, place)).toThrow(/https/);
  const server = createServer((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(new GitlabForge({ api, token, sleep }, place).create('x')).rejects.toThrow(/: 302/);
  server.close();
});
