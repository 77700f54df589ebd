import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Environment } from '../ci/pipeline.js';
import type { CiResult } from '../ci/report.js';
import { UsageError } from '../policy-files.js';
import { ciComment, type CiCommentOptions } from './ci-comment.js';

const [base, head, merge] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];
const token = 'a-token-of-the-test';

interface Asked {
  readonly request: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}

type Answer = readonly [status: number, body: unknown];

/** Takes what comes, and answers as it is told; the rest as a forge does that has no comment yet. */
class RecordingForge {
  readonly asked: Asked[] = [];
  answer: (request: string) => Answer | null = () => null;
  api = '';
  private readonly server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      const name = `${request.method} ${request.url}`;
      this.asked.push({
        request: name,
        headers: request.headers,
        body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
      });
      const [status, answer] = this.answer(name) ?? usual(name);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.api = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** The requests that change something. */
  get written(): string[] {
    return this.asked.map(({ request }) => request).filter((request) => !request.startsWith('GET'));
  }

  bodyOf(part: string): Record<string, unknown> | undefined {
    return this.asked.find(({ request }) => request.startsWith('POST') && request.includes(part))?.body;
  }
}

function usual(request: string): Answer {
  if (request === 'GET /user') return [200, { id: 1, login: 'cordon', username: 'cordon' }];
  return request.startsWith('GET') ? [200, []] : [201, {}];
}

const result: CiResult = {
  format: 1,
  outcome: 'good',
  exitCode: 0,
  change: '0123456789ab',
  policy: 'policies',
  base,
  head,
  needed: [],
  approvedBy: null,
  check: { error: 0, warning: 0, info: 0 },
  summary: null,
};
const needsApproval: CiResult = {
  ...result,
  outcome: 'needs-approval',
  exitCode: 3,
  needed: [{ kind: 'internet', count: 1, summary: 'opens to the internet' }],
};
const denied: Answer = [403, { message: 'Resource not accessible' }];

let folder: string;
let forge: RecordingForge;
let printed: string;
let waited: number[];

function written(content: CiResult | Record<string, unknown>, plan = '**the plan**\n'): void {
  writeFileSync(join(folder, 'result.json'), JSON.stringify(content));
  writeFileSync(join(folder, 'plan.md'), plan);
}

const event = (from = 'o/r'): string => {
  const repository = (name: string): object => ({ full_name: name });
  const pull = { number: 7, base: { sha: base, repo: repository('o/r') }, head: { sha: head, repo: repository(from) } };
  const path = join(folder, 'event.json');
  writeFileSync(path, JSON.stringify({ pull_request: pull }));
  return path;
};

const github = (more: Environment = {}, from?: string): Environment => ({
  GITHUB_ACTIONS: 'true',
  GITHUB_EVENT_PATH: event(from),
  GITHUB_SHA: merge,
  GITHUB_REPOSITORY: 'o/r',
  GITHUB_RUN_ID: '99',
  GITHUB_API_URL: forge.api,
  CORDON_FORGE_TOKEN: token,
  ...more,
});
const gitlab = (more: Environment = {}): Environment => ({
  GITLAB_CI: 'true',
  CI_API_V4_URL: forge.api,
  CI_PROJECT_ID: '42',
  CI_COMMIT_SHA: head,
  CI_MERGE_REQUEST_IID: '7',
  CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
  CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '42',
  CORDON_FORGE_TOKEN: token,
  ...more,
});

const run = (env: Environment, options: Partial<CiCommentOptions> = {}): Promise<number> =>
  ciComment(
    { out: folder, status: true, ...options },
    {
      env,
      sleep: (milliseconds) => {
        waited.push(milliseconds);
        return Promise.resolve();
      },
    },
  );

/** It is a mistake of the call, and says what to do. */
async function refusalOf(done: Promise<number>): Promise<string> {
  const error = await done.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  const { message } = error as UsageError;
  expect(message).not.toContain(token);
  return message;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-ci-comment-'));
  forge = new RecordingForge();
  await forge.start();
  printed = '';
  waited = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    printed += String(piece);
    return true;
  });
  written(result);
});
afterEach(() => {
  vi.restoreAllMocks();
  forge.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('cordon ci comment', () => {
  it('puts plan.md into a comment, and the verdict at the commit of the change', async () => {
    expect(await run(github())).toBe(0);
    expect(forge.written).toEqual(['POST /repos/o/r/issues/7/comments', `POST /repos/o/r/statuses/${head}`]);
    expect(forge.bodyOf('comments')!['body']).toMatch(/^<!-- cordon-plan policies -->\n\*\*the plan\*\*\n$/);
    expect(forge.bodyOf('statuses')).toEqual({
      state: 'success',
      context: 'cordon/plan',
      description: 'nothing in this change needs approval',
      target_url: 'https://github.com/o/r/actions/runs/99',
    });
    expect(printed).toBe('comment created, status success\n');
  });

  it('says failure of a change that may not be merged, and ends well: it did what it had to', async () => {
    written(needsApproval);
    expect(await run(github(), { json: true })).toBe(0);
    expect(forge.bodyOf('statuses')).toMatchObject({ state: 'failure', description: 'needs approval (internet)' });
    expect(JSON.parse(printed)).toEqual({ comment: 'created', status: 'failure', reason: null });
  });

  it('leaves the comment as it is where it says the same', async () => {
    const body = '<!-- cordon-plan policies -->\n**the plan**';
    forge.answer = (request) =>
      request.startsWith('GET /repos/o/r/issues/7/comments')
        ? [200, [{ id: 5, body, user: { login: 'cordon' } }]]
        : null;
    await run(github());
    expect(forge.written).toEqual([`POST /repos/o/r/statuses/${head}`]);
    expect(printed).toBe('comment unchanged, status success\n');
  });

  it('sets no status where none is wanted', async () => {
    await run(github(), { status: false });
    expect(forge.written).toEqual(['POST /repos/o/r/issues/7/comments']);
    expect(printed).toBe('comment created, status left out\n');
  });

  it.each<[string, () => Environment, string, string, string]>([
    ['GitHub', github, 'authorization', `Bearer ${token}`, '/repos/o/r/issues/7/comments'],
    [
      'Gitea',
      () => github({ GITEA_ACTIONS: 'true' }),
      'authorization',
      `token ${token}`,
      '/repos/o/r/issues/7/comments',
    ],
    ['GitLab', gitlab, 'private-token', token, '/projects/42/merge_requests/7/notes'],
  ])('speaks to %s in its own way', async (_, env, header, value, path) => {
    expect(await run(env())).toBe(0);
    expect(forge.written[0]).toBe(`POST ${path}`);
    for (const { headers } of forge.asked) expect(headers[header]).toBe(value);
  });

  it('takes the API that --api names, with or without a slash at its end', async () => {
    for (const api of [forge.api, `${forge.api}//`]) {
      expect(await run(github({ GITHUB_API_URL: 'http://127.0.0.1:1' }), { api })).toBe(0);
    }
    expect(forge.written[0]).toBe('POST /repos/o/r/issues/7/comments');
    expect(forge.asked.every(({ request }) => !request.includes('//'))).toBe(true);
  });

  it.each<[Environment, string]>([
    [{ CORDON_FORGE_TOKEN: 'own-token', GITHUB_TOKEN: 'of-the-job' }, 'own-token'],
    [{ CORDON_FORGE_TOKEN: ' ', GITHUB_TOKEN: 'of-the-job\n' }, 'of-the-job'],
    [{ CORDON_FORGE_TOKEN: undefined, GITHUB_TOKEN: 'of-the-job', GITLAB_TOKEN: 'of-another' }, 'of-the-job'],
  ])('of the tokens %j it takes %s', async (env, expected) => {
    await run(github(env));
    expect(forge.asked[0]!.headers['authorization']).toBe(`Bearer ${expected}`);
  });

  it('does both again while the forge is away, and waits meanwhile', async () => {
    let faults = 3;
    forge.answer = (request) =>
      request.includes('statuses') && faults-- > 0 ? ([502, { message: 'away' }] as const) : null;
    expect(await run(github())).toBe(0);
    expect(waited).toEqual([1000, 2000, 4000]);
    expect(forge.written.filter((request) => request.includes('comments'))).toHaveLength(1);
  });
});

describe('a change from a fork', () => {
  it('without a token is no failure, and asks the forge for nothing', async () => {
    expect(await run(github({ CORDON_FORGE_TOKEN: undefined }, 'stranger/r'), { json: true })).toBe(0);
    expect(forge.asked).toEqual([]);
    expect(JSON.parse(printed)).toMatchObject({ comment: 'left out', status: 'left out' });
    expect(printed).toContain(`everything is in ${folder}`);
  });

  it('with a token that may only read is none either', async () => {
    forge.answer = (request) => (request.startsWith('POST') ? denied : null);
    expect(await run(github({}, 'stranger/r'))).toBe(0);
    expect(printed).toMatch(/^a change from another repository gets no token that may write/);
  });

  it('is one where the forge itself fails', async () => {
    forge.answer = () => [500, { message: 'out of order' }];
    expect(await refusalOf(run(github({}, 'stranger/r')))).toContain('out of order');
  });
});

describe('is refused, with what to do,', () => {
  it('outside of a pull request', async () => {
    expect(await refusalOf(run({}))).toMatch(/no pull or merge request here.*pull-requests\.md/);
    expect(await refusalOf(run(gitlab({ CI_MERGE_REQUEST_IID: undefined })))).toContain('no pull or merge request');
  });

  it('without a token, and names those of this forge', async () => {
    const none = { CORDON_FORGE_TOKEN: undefined };
    expect(await refusalOf(run(github(none)))).toContain('Set CORDON_FORGE_TOKEN or GITHUB_TOKEN');
    expect(await refusalOf(run(gitlab(none)))).toContain('Set CORDON_FORGE_TOKEN or GITLAB_TOKEN');
    expect(forge.asked).toEqual([]);
  });

  it.each<[string, () => Environment, RegExp]>([
    ['GitHub', github, /pull-requests: write/],
    ['Gitea', () => github({ GITEA_ACTIONS: 'true' }), /write:issue/],
    ['GitLab', gitlab, /role Developer with the scope `api`/],
  ])('with a token that may not, by what it needs on %s', async (_, env, expected) => {
    forge.answer = (request) => (request.startsWith('POST') ? denied : null);
    const message = await refusalOf(run(env()));
    expect(message).toContain('403 (Resource not accessible)');
    expect(message).toMatch(expected);
    expect(waited).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['nothing there', () => rmSync(join(folder, 'result.json'))],
    ['no plan', () => rmSync(join(folder, 'plan.md'))],
    ['no JSON', () => writeFileSync(join(folder, 'result.json'), 'half a fi')],
    ['another format', () => written({ ...result, format: 2 })],
  ])('where what `cordon ci` writes is not there: %s', async (_, spoil) => {
    spoil();
    expect(await refusalOf(run(github()))).toMatch(/does not hold what `cordon ci` writes: .+; run it first/);
    expect(forge.asked).toEqual([]);
  });
});
