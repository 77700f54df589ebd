import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PolicySource, PolicySourceOptions } from './policy-source.js';
import { faultFromGit, SourceFault } from './source-fault.js';
import { faultOf, Repository } from './testdata/repository.js';

let repository: Repository;

const commit = (files: Record<string, string | Buffer>): string => repository.commit(files);

const source = (options: Partial<PolicySourceOptions> = {}): PolicySource =>
  repository.source({
    limits: { files: 5, bytes: 10_000, repositoryBytes: 10_000_000, memoryBytes: 512 * 1024 * 1024 },
    accept: () => true,
    ...options,
  });

/** A PATH on which `git` is this; $REAL is git. */
function fakeGit(script: string): string {
  const bin = join(repository.root, 'bin');
  mkdirSync(bin);
  const real = execFileSync('which', ['git'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nREAL=${real}\n${script}\n`, { mode: 0o755 });
  return `${bin}:${process.env['PATH']}`;
}

beforeEach(() => {
  repository = new Repository();
});

afterEach(() => repository.remove());

describe('fetch', () => {
  it('answers with the newest commit of the branch, also after the branch was rewritten', async () => {
    const first = repository.commit({ 'rules/a.csv': 'one' }, '-m', 'more');
    const subject = source();
    expect(await subject.fetch(null)).toMatchObject({
      commit: first,
      author: 'Ada <ada@example.org>',
      message: 'change',
    });
    const second = commit({ 'rules/a.csv': 'two' });
    expect((await subject.fetch(null)).commit).toBe(second);
    repository.git('reset', '-q', '--hard', first);
    const third = commit({ 'rules/a.csv': 'three' });
    expect((await subject.fetch(null)).commit).toBe(third);
  });

  it('tells who stands for it by what the message says, and takes nothing else of it for that', async () => {
    const trailers = 'Approved-by: Bob <bob@example.org>\nreviewed-by: Eve\n  and Mallory\u001b[2J\nSigned-off-by: Ada';
    repository.commit({ 'rules/a.csv': 'one' }, '-m', 'Approved-by: nobody, it is in the text\n\nmore', '-m', trailers);
    expect(await source().fetch(null)).toMatchObject({
      claims: [
        { trailer: 'Approved-by', name: 'Bob <bob@example.org>' },
        { trailer: 'Reviewed-by', name: 'Eve and Mallory?[2J' },
      ],
    });
    const many = Array.from({ length: 30 }, (_, i) => `Reviewed-by: ${i}`).join('\n');
    repository.commit({}, '-m', many);
    expect((await source().fetch(null)).claims).toHaveLength(20);
    repository.commit({});
    expect((await source().fetch(null)).claims).toEqual([]);
  });

  it('says that the repository, or the branch, is missing and what to do', async () => {
    const missing = await faultOf(source({ repository: join(repository.root, 'nowhere') }).fetch(null));
    expect(missing.code).toBe('repository-missing');
    expect(missing.hint).toContain('CORDON_POLICY_REPOSITORY');
    commit({ a: 'b' });
    const branch = await faultOf(source({ reference: { kind: 'branch', name: 'live' } }).fetch(null));
    expect(branch.code).toBe('branch-missing');
    expect(branch.hint).toContain('CORDON_POLICY_BRANCH');
  });

  it.each(['ext::sh -c "touch owned"', '--upload-pack=touch owned', 'http://git.example.org/p.git', 'git://h/p'])(
    'refuses the repository %s',
    (bad) => {
      expect(() => source({ repository: bad })).toThrow(SourceFault);
    },
  );

  it('ends when the server accepts and then says nothing', async () => {
    const server: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const fault = await faultOf(
      source({ repository: `https://127.0.0.1:${port}/p.git`, timeoutSeconds: 1 }).fetch(null),
    );
    expect(fault.code).toBe('timeout');
    server.close();
  });

  it('runs no hook of the repository and follows no submodule', async () => {
    const marker = join(repository.root, 'owned');
    mkdirSync(join(repository.folder, '.git/hooks'), { recursive: true });
    for (const hook of ['post-checkout', 'pre-receive', 'post-update', 'reference-transaction']) {
      writeFileSync(join(repository.folder, '.git/hooks', hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    }
    writeFileSync(join(repository.folder, '.gitattributes'), '* filter=evil\n');
    repository.git('config', 'uploadpack.packObjectsHook', `touch ${marker}; cat`);
    commit({ 'rules/a.csv': 'one' });
    rmSync(marker, { force: true });
    const subject = source();
    const { commit: id } = await subject.fetch(null);
    await subject.readTree(id, '.');
    expect(existsSync(marker)).toBe(false);
  });
});

describe('readTree', () => {
  it('reads the files below the folder only, as they were at that commit', async () => {
    const first = commit({ 'site/rules/a.csv': 'p, ä\n', 'README.md': 'x', 'site2/rules/a.csv': 'no' });
    commit({ 'site/rules/a.csv': 'changed' });
    const subject = source();
    await subject.fetch(null);
    expect([...(await subject.readTree(first, './site/'))]).toEqual([['rules/a.csv', 'p, ä\n']]);
  });

  it('waits for all that git says, also for what comes after git has ended', async () => {
    const at = commit({ 'rules/a.csv': 'x'.repeat(5000) });
    await source().fetch(null);
    const path = fakeGit(`exec 3<&0; (sleep 0.3; exec "$REAL" "$@" <&3) &`);
    const files = await source({ environment: { ...process.env, PATH: path } }).readTree(at, '.');
    expect(files.get('rules/a.csv')).toHaveLength(5000);
  });

  it('refuses a file of which git gave only a part', async () => {
    const at = commit({ 'rules/a.csv': 'allow\n'.repeat(500) });
    await source().fetch(null);
    const path = fakeGit(`case "$*" in *cat-file*) "$REAL" "$@" | head -c 600 ;; *) exec "$REAL" "$@" ;; esac`);
    const fault = await faultOf(source({ environment: { ...process.env, PATH: path } }).readTree(at, '.'));
    expect(fault).toMatchObject({ code: 'git-failed', message: expect.stringContaining('rules/a.csv') as string });
  });

  it('reads a commit from the mirror when the repository is gone', async () => {
    const id = commit({ 'rules/a.csv': 'one' });
    const subject = source();
    await subject.fetch(null);
    rmSync(repository.folder, { recursive: true });
    expect((await subject.readTree(id, '.')).get('rules/a.csv')).toBe('one');
  });

  it('reads only what is accepted', async () => {
    const id = commit({ 'rules/a.csv': 'one', 'photo.png': Buffer.from([0, 1, 2]) });
    const subject = source({ accept: (path) => path.startsWith('rules/') });
    await subject.fetch(null);
    expect([...(await subject.readTree(id, '.')).keys()]).toEqual(['rules/a.csv']);
  });

  it('refuses binary files, symbolic links, too many files and too many bytes', async () => {
    const subject = source();
    const check = async (): Promise<string> =>
      (await faultOf(subject.readTree((await subject.fetch(null)).commit, '.'))).code;
    commit({ 'rules/a.csv': Buffer.from([0xff, 0xfe, 0x41]) });
    expect(await check()).toBe('not-text');
    commit({ 'rules/a.csv': 'nul\0' });
    expect(await check()).toBe('not-text');
    commit({ 'rules/a.csv': 'x'.repeat(10_001) });
    expect(await check()).toBe('too-large');
    rmSync(join(repository.folder, 'rules/a.csv'));
    symlinkSync('/etc/passwd', join(repository.folder, 'rules/a.csv'));
    commit({});
    expect(await check()).toBe('not-a-file');
    rmSync(join(repository.folder, 'rules/a.csv'));
    commit(Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`rules/${n}.csv`, ''])));
    expect(await check()).toBe('too-many-files');
  });

  it('says that the folder holds no policy', async () => {
    const id = commit({ a: 'b' });
    const subject = source();
    await subject.fetch(null);
    expect((await faultOf(subject.readTree(id, 'policies'))).code).toBe('folder-missing');
    expect((await faultOf(subject.readTree(id, '../..'))).code).toBe('folder-missing');
  });
});

describe('faultFromGit', () => {
  it.each([
    ["fatal: Authentication failed for 'https://joe:hunter2@git.example.org/p.git/'", 'authentication'],
    ["fatal: could not read Username for 'https://x': terminal prompts disabled", 'authentication'],
    ['git@h: Permission denied (publickey).', 'authentication'],
    ['Host key verification failed.', 'authentication'],
    ["fatal: unable to access 'https://x/': Could not resolve host: x", 'timeout'],
    ['fatal: something new', 'git-failed'],
  ])('%s → %s, without credentials', (said, code) => {
    const fault = faultFromGit(new Error(said), 'https://joe:hunter2@git.example.org/p.git');
    expect(fault.code).toBe(code);
    expect(`${fault.message}${fault.hint}`).not.toMatch(/hunter2|joe/);
  });
});
