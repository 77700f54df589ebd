import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serveGit } from '#testkit';
import { PolicySource, ProposalRepository } from '#gitops';
import { TestAuthority } from './authority.js';

/* Git's own HTTP server (`git http-backend`) behind TLS, which lets everybody read and asks who writes. */

const folder = mkdtempSync(join(tmpdir(), 'cordon-push-'));
const origin = join(folder, 'policy.git');
const token = 'token-of-the-proposals';
const environment = { PATH: process.env['PATH'], HOME: folder };
/** `Authorization` of each request. */
const seen: (string | undefined)[] = [];
let server: Server;
let url: string;

const git = (...args: string[]) =>
  execFileSync('git', ['-C', origin, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();

beforeAll(async () => {
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', origin]);
  git('config', 'http.receivepack', 'true');
  const tree = execFileSync('git', ['-C', origin, 'mktree'], { input: '', encoding: 'utf8' }).trim();
  git(
    'update-ref',
    'refs/heads/main',
    git('-c', 'user.name=A', '-c', 'user.email=a@b', 'commit-tree', tree, '-m', 'x'),
  );
  const authority = new TestAuthority(join(folder, 'authority'), 'ecdsa');
  const { certificate, key } = authority.issue('localhost', 'serverAuth', 'localhost');
  writeFileSync(join(folder, '.gitconfig'), `[http]\n\tsslCAInfo = ${authority.certificate}\n`);
  const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
  server = createServer(tls, (request, response) => void serve(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://localhost:${(server.address() as AddressInfo).port}/policy.git`;
}, 60_000);

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url!, 'https://localhost');
  const { authorization } = request.headers;
  seen.push(authorization);
  const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  if (`${pathname}${search}`.includes('git-receive-pack') && authorization !== expected) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    return;
  }
  await serveGit(folder, request, response, authorization ? 'cordon' : '');
}

async function proposing(content: string) {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, content);
  const where = { repository: url, mirror: join(folder, 'proposals.git'), environment, timeoutSeconds: 20 };
  const [file, memory] = [100_000_000, 1_000_000_000];
  const limits = { files: 9, bytes: 9999, repositoryBytes: file, memoryBytes: memory };
  const access = { tokenFile, sshKeyFile: null, knownHostsFile: null };
  const reference = { kind: 'branch', name: 'main' } as const;
  const source = new PolicySource({ ...where, reference, access, trust: null, limits, accept: () => true });
  const repository = new ProposalRepository({ ...where, access, limits: { file, memory } });
  const { commit: base } = await source.fetch(null);
  const author = { name: 'ada', email: 'ada@cordon.invalid' };
  const files = new Map([['a.csv', 'one\n']]);
  return { repository, commit: await repository.commit({ base, author, at: new Date(0), message: 'x\n', files }) };
}

it('pushes over HTTPS with the token of the file, which reading never shows', async () => {
  const { repository, commit } = await proposing(`${token}\n`);
  expect(seen.filter((each) => each !== undefined)).toEqual([]);
  await repository.push(commit, 'proposal/a');
  expect(git('rev-parse', 'refs/heads/proposal/a')).toBe(commit);
});

it('says that the token is not let in, without telling it', async () => {
  const { repository, commit } = await proposing('another-token');
  const fault: unknown = await repository.push(commit, 'proposal/b').catch((error: unknown) => error);
  expect(fault).toMatchObject({
    code: 'push-refused',
    hint: expect.stringContaining('CORDON_PROPOSALS_TOKEN_FILE') as string,
  });
  expect(String(fault)).not.toContain('another-token');
  expect(git('for-each-ref', '--format=%(refname)')).not.toContain('proposal/b');
});
