import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessForPush } from './access.js';
import { PolicySource } from './policy-source.js';
import { ProposalFault, ProposalRepository, type NewCommit } from './proposal.js';
import { SourceFault } from './source-fault.js';

const noAccess = { tokenFile: null, sshKeyFile: null, knownHostsFile: null };
const at = new Date('2026-11-23T11:00:00.700Z');
const author = { name: 'ada', email: 'ada@cordon.invalid' };
let folder: string;
let origin: string;
let base: string;
let source: PolicySource;
let repository: ProposalRepository;

const git = (...args: string[]) => execFileSync('git', ['-C', origin, ...args], { encoding: 'utf8' }).trim();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-proposal-'));
  origin = join(folder, 'origin.git');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', origin]);
  const blob = execFileSync('git', ['-C', origin, 'hash-object', '-w', '--stdin'], {
    input: 'one\n',
    encoding: 'utf8',
  });
  const tree = execFileSync('git', ['-C', origin, 'mktree'], {
    input: `100644 blob ${blob.trim()}\told.csv\n`,
    encoding: 'utf8',
  });
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
  git('update-ref', 'refs/heads/main', git(...identity, 'commit-tree', tree.trim(), '-m', 'first'));
  const environment = { PATH: process.env['PATH'], HOME: folder };
  const mirror = join(folder, 'proposals.git');
  const where = { repository: origin, mirror, environment, timeoutSeconds: 20 };
  const [file, memory] = [100_000_000, 1_000_000_000];
  const limits = { files: 100, bytes: 10_000_000, repositoryBytes: file, memoryBytes: memory };
  source = new PolicySource({
    ...where,
    reference: { kind: 'branch', name: 'main' },
    access: noAccess,
    trust: null,
    limits,
    accept: () => true,
  });
  repository = new ProposalRepository({ ...where, access: noAccess, limits: { file, memory } });
  base = (await source.fetch(null)).commit;
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const change = (files: Record<string, string | null>, more: Partial<NewCommit> = {}): NewCommit => ({
  base,
  author,
  at,
  message: 'pumps reach the library\n\nCHG-1301\n',
  files: new Map(Object.entries(files)),
  ...more,
});

describe('a proposal', () => {
  it('is one commit on its base, of its author, on a branch of its own; main stays', async () => {
    const commit = await repository.commit(change({ 'rules/new.csv': 'two\n', 'old.csv': null }));
    expect(git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
    await repository.push(commit, 'proposal/pumps');
    expect(git('rev-parse', 'refs/heads/proposal/pumps')).toBe(commit);
    expect(git('rev-parse', 'refs/heads/main')).toBe(base);
    expect(git('log', '-1', '--format=%P|%an <%ae>|%cn|%aI|%B', commit)).toBe(
      `${base}|ada <ada@cordon.invalid>|Cordon|2026-11-23T11:00:00+00:00|pumps reach the library\n\nCHG-1301`,
    );
    expect(git('ls-tree', '-r', '--format=%(objectmode) %(path)', commit)).toBe('100644 rules/new.csv');
  });

  it('holds the bytes that were given, whatever they are, and all else as it was', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((each) => !each.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, fc.string({ unit: 'grapheme', maxLength: 50 }), async (content, words) => {
        const message = `${words.replaceAll(/\p{Cc}/gu, ' ')}\n\ndata 3\nD old.csv\n`;
        const commit = await repository.commit(change({ 'a.csv': content }, { message }));
        expect(Object.fromEntries(await source.readTree(commit, '.'))).toEqual({
          'a.csv': content,
          'old.csv': 'one\n',
        });
      }),
      { numRuns: 15 },
    );
  });

  it('never moves a branch that is there', async () => {
    const one = await repository.commit(change({ 'a.csv': 'one' }));
    await repository.push(one, 'proposal/a');
    const next = await repository.commit(change({ 'a.csv': 'two' }, { base: one }));
    for (const branch of ['proposal/a', 'main']) {
      const fault = await repository.push(next, branch).catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(ProposalFault);
      expect(fault).toMatchObject({ code: 'branch-exists' });
    }
    expect(git('rev-parse', 'refs/heads/proposal/a', 'refs/heads/main')).toBe(`${one}\n${base}`);
  });

  it('that the server refuses says so', async () => {
    writeFileSync(join(origin, 'hooks/pre-receive'), '#!/bin/sh\necho no such branches here >&2\nexit 1\n', {
      mode: 0o755,
    });
    const commit = await repository.commit(change({ 'a.csv': 'one' }));
    await expect(repository.push(commit, 'proposal/a')).rejects.toMatchObject({ code: 'push-refused' });
  });

  it('has a base that led to the newest commit', async () => {
    const commit = await repository.commit(change({ 'a.csv': 'one' }));
    expect(await repository.isAncestor(base, base)).toBe(true);
    expect(await repository.isAncestor(base, commit)).toBe(true);
    expect(await repository.isAncestor(commit, base)).toBe(false);
    expect(await repository.isAncestor('0'.repeat(40), base)).toBe(false);
  });

  it.each(['a b.csv', '"a".csv', 'a\nD old.csv', ''])('can not have the path %j', async (path) => {
    await expect(repository.commit(change({ [path]: 'x' }))).rejects.toThrow('not a plain path');
  });
});

describe('what opens a repository for writing', () => {
  const token = { ...noAccess, tokenFile: '/etc/token' };
  const key = { ...noAccess, sshKeyFile: '/etc/key' };

  it.each<[string, boolean, boolean, boolean]>([
    ['/srv/policy.git', true, true, true],
    ['policy.git', true, true, true],
    ['file:///srv/policy.git', true, true, true],
    ['https://git.example/policy.git', false, true, false],
    ['ssh://git@git.example/policy.git', false, false, true],
    ['git@git.example:clinic/policy.git', false, false, true],
    ['http://git.example/policy.git', false, false, false],
  ])('%s', (url, ...expected) => {
    expect([noAccess, token, key].map((access) => accessForPush(access, url) !== null)).toEqual(expected);
  });

  it('is no key at a path that ssh or the shell would read in another way', () => {
    for (const sshKeyFile of ['/etc/%h', '/etc/$HOME', '/etc/a;b', 'key'])
      expect(() => accessForPush({ ...noAccess, sshKeyFile }, 'ssh://git@git.example/p')).toThrow(SourceFault);
  });

  it('is by SSH to known hosts only, as for reading', () => {
    const access = { ...key, knownHostsFile: '/etc/known' };
    expect(accessForPush(access, 'git@git.example:p')?.variables['GIT_SSH_COMMAND']).toMatch(
      /StrictHostKeyChecking=yes .*UserKnownHostsFile="\/etc\/known"/,
    );
  });

  it('is in no list of processes: the file is named, what stands in it is not', () => {
    expect(JSON.stringify(accessForPush(token, 'https://git.example/p'))).toContain('"/etc/token"');
  });
});
