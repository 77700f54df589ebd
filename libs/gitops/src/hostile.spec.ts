import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultOf, Repository, treeEntry } from './testdata/repository.js';
import type { SourceFault } from './source-fault.js';

let repository: Repository;
/** Of what was in the test's folder besides the mirror. */
let before: string[];

const beside = (): string[] => readdirSync(repository.root).filter((name) => name !== 'mirror');

beforeEach(() => {
  repository = new Repository();
  before = beside();
});

afterEach(() => {
  expect(beside()).toEqual(before);
  repository.remove();
});

/** Fetches and reads; milliseconds that it took. */
async function read(
  options: Parameters<Repository['source']>[0] = {},
): Promise<{ files: Map<string, string>; took: number }> {
  const began = Date.now();
  const source = repository.source(options);
  const { commit } = await source.fetch(null);
  return { files: await source.readTree(commit, '.'), took: Date.now() - began };
}

const refusal = (options: Parameters<Repository['source']>[0] = {}): Promise<SourceFault> => faultOf(read(options));

/** Bytes of all files of the mirror. */
function mirrorSize(): number {
  return readdirSync(repository.mirror, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** `rules/` with these entries, as a commit on `main` that git would not make. */
function commitRules(...entries: readonly Buffer[]): string {
  const rules = repository.object('tree', Buffer.concat(entries));
  return repository.commitTree(repository.object('tree', treeEntry('40000', 'rules', rules)));
}

/** As if an older git, which let it pass, had fetched it. */
async function readFromMirror(commit: string): Promise<SourceFault> {
  execFileSync('git', [
    'clone',
    '-q',
    '--bare',
    '-c',
    'transfer.fsckObjects=false',
    repository.folder,
    repository.mirror,
  ]);
  return faultOf(repository.source().readTree(commit, '.'));
}

describe('what is not a file', () => {
  it.each<[string, () => void, RegExp]>([
    [
      'a symbolic link',
      () => {
        symlinkSync('/etc/passwd', join(repository.folder, 'rules/b.csv'));
        repository.git('add', '.');
      },
      /symbolic link/,
    ],
    [
      'a submodule',
      () => repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},rules/b.csv`),
      /submodule/,
    ],
  ])('refuses %s', async (_, make, expected) => {
    repository.commit({ 'rules/a.csv': 'p' });
    make();
    repository.git('commit', '-q', '-m', 'odd');
    const fault = await refusal();
    expect(fault).toMatchObject({ code: 'not-a-file', hint: expect.stringContaining('regular files') as string });
    expect(fault.message).toMatch(expected);
  });

  it('refuses a pointer of git-LFS, and says that the text must be in the repository', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
    repository.commit({ 'rules/a.csv': pointer });
    expect(await refusal()).toMatchObject({
      code: 'lfs-pointer',
      message: expect.stringContaining('rules/a.csv') as string,
      hint: expect.stringContaining('git lfs untrack') as string,
    });
  });
});

describe('names that git would not make', () => {
  const odd: [string, string, string][] = [
    ['a path that leads out', '../../../escaped.csv', 'path-refused'],
    ['an absolute path', '/tmp/escaped.csv', 'path-refused'],
    ['the folder of git', '.git/x.csv', 'path-refused'],
    ['a point', './x.csv', 'path-refused'],
  ];

  it.each(odd)('%s (%s) is refused when it is fetched', async (_, name) => {
    commitRules(treeEntry('100644', name, repository.object('blob', 'p')));
    expect(await refusal()).toMatchObject({
      code: 'bad-object',
      hint: expect.stringContaining('find out who pushed it') as string,
    });
    expect(existsSync(join(repository.root, 'escaped.csv'))).toBe(false);
    expect(existsSync('/tmp/escaped.csv')).toBe(false);
  });

  it.each(odd)('%s (%s) is refused when it is there already', async (_, name, code) => {
    expect(await readFromMirror(commitRules(treeEntry('100644', name, repository.object('blob', 'p'))))).toMatchObject({
      code,
    });
  });

  it('a folder that is the one above is refused', async () => {
    const blob = repository.object('blob', 'p');
    const inner = repository.object('tree', treeEntry('100644', 'a.csv', blob));
    const commit = commitRules(treeEntry('40000', '..', inner));
    expect((await refusal()).code).toBe('bad-object');
    rmSync(repository.mirror, { recursive: true });
    expect((await readFromMirror(commit)).code).toBe('path-refused');
  });

  it('an entry that stands twice is refused, fetched or there already', async () => {
    const [one, two] = ['p, one', 'p, two'].map((text) => repository.object('blob', text));
    const commit = commitRules(treeEntry('100644', 'a.csv', one!), treeEntry('100644', 'a.csv', two!));
    expect((await refusal()).code).toBe('bad-object');
    rmSync(repository.mirror, { recursive: true });
    const fault = await readFromMirror(commit);
    expect(fault).toMatchObject({ code: 'path-refused', message: expect.stringContaining('stands twice') as string });
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['a line feed', 'a\nb.csv', /`rules\/a\?b.csv` has control characters/],
    ['an escape sequence', '\u001b[2Ja.csv', /`rules\/\?\[2Ja.csv` has control characters/],
    ['a mark that turns text around', 'a\u202evsc.csv', /control characters/],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0x2e, 0x63, 0x73, 0x76]), /not UTF-8/],
    ['a backslash', 'a\\b.csv', /backslash/],
    ['no end', `${'n'.repeat(500)}.csv`, /more than 400 characters/],
  ])('a name with %s is refused, and shown without harm', async (_, name, expected) => {
    commitRules(treeEntry('100644', name, repository.object('blob', 'p')));
    const fault = await refusal();
    expect(fault.code).toBe('path-refused');
    expect(fault.message).toMatch(expected);
    // oxlint-disable-next-line no-control-regex
    expect(fault.message).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  it.each([
    ['case', 'A.csv', 'a.csv'],
    ['form', 'caf\u00e9.csv', 'cafe\u0301.csv'],
  ])('names that differ in %s only are refused', async (_, one, two) => {
    const blob = repository.object('blob', 'p');
    const names = [one, two].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    commitRules(...names.map((name) => treeEntry('100644', name, blob)));
    expect(await refusal()).toMatchObject({
      code: 'path-refused',
      message: expect.stringContaining('differ in the case or form') as string,
    });
  });

  it('a file that hides one of the policy in another case of its folder is refused, and no other', async () => {
    const blob = repository.object('blob', 'p');
    const folder = repository.object('tree', treeEntry('100644', 'a.csv', blob));
    const top = ['Docs', 'Rules', 'docs', 'rules'].map((name) => treeEntry('40000', name, folder));
    repository.commitTree(repository.object('tree', Buffer.concat(top)));
    expect((await refusal()).message).toContain('`Rules/a.csv` and `rules/a.csv`');
    repository.commitTree(repository.object('tree', Buffer.concat([top[0]!, top[2]!, top[3]!])));
    expect([...(await read()).files.keys()]).toEqual(['rules/a.csv']);
  });
});

describe('size', () => {
  it('a file of 1 GiB is not fetched where the far side can leave it out, and not read where it can not', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    const large = join(repository.folder, 'rules/large.csv');
    writeFileSync(large, '');
    truncateSync(large, 1024 ** 3);
    repository.git('-c', 'core.compression=1', '-c', 'core.bigFileThreshold=1m', 'add', '.');
    repository.git('commit', '-q', '-m', 'large');
    rmSync(large);
    repository.git('config', 'uploadpack.allowFilter', 'true');
    const began = Date.now();
    const left = await refusal();
    expect(left).toMatchObject({ code: 'too-large' });
    expect(left.message).toContain('`rules/large.csv` has not been fetched');
    expect(mirrorSize()).toBeLessThan(100_000);
    expect(Date.now() - began).toBeLessThan(10_000);
    repository.git('config', 'uploadpack.allowFilter', 'false');
    rmSync(repository.mirror, { recursive: true });
    // It would not fit into the memory that git may have.
    const fetched = await refusal({
      limits: { files: 10, bytes: 1_000_000, repositoryBytes: 20_000_000, memoryBytes: 128 * 1024 * 1024 },
    });
    expect(fetched.message).toContain('`rules/large.csv` has more than 1000000 bytes');
    expect(mirrorSize()).toBeLessThan(20_000_000);
  }, 60_000);

  it('of what is fetched is bounded, and nothing is left of it', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    const { files } = await read();
    repository.commit({ 'photo.raw': randomBytes(3_000_000) });
    for (let i = 0; i < 3; i++) {
      const fault = await refusal({
        limits: { files: 10, bytes: 10_000_000, repositoryBytes: 1_000_000, memoryBytes: 512 * 1024 * 1024 },
      });
      expect(fault).toMatchObject({ code: 'too-large', hint: expect.stringContaining('history') as string });
    }
    expect(mirrorSize()).toBeLessThan(100_000);
    expect(files.get('rules/a.csv')).toBe('p');
  });

  it('of what a killed controller left behind is nothing after the next fetch', async () => {
    repository.commit({ 'rules/a.csv': 'p' });
    await read();
    writeFileSync(join(repository.mirror, 'objects/pack/tmp_pack_abc'), randomBytes(1_000_000));
    await read();
    expect(mirrorSize()).toBeLessThan(100_000);
  });

  it('of the mirror is bounded while history is rewritten again and again', async () => {
    const first = repository.commit({ 'rules/a.csv': 'p' });
    const limits = { files: 10, bytes: 1_000_000, repositoryBytes: 1_000_000, memoryBytes: 512 * 1024 * 1024 };
    for (let i = 0; i < 4; i++) {
      repository.git('reset', '-q', '--hard', first);
      repository.commit({ 'photo.raw': randomBytes(400_000), 'rules/a.csv': `p${i}` });
      expect((await read({ limits })).files.get('rules/a.csv')).toBe(`p${i}`);
      expect(mirrorSize()).toBeLessThan(1_100_000);
    }
  });

  it('100,000 files are refused, in bounded memory', async () => {
    const blob = repository.object('blob', 'p');
    const names = Array.from({ length: 100_000 }, (_, n) => `${String(n).padStart(6, '0')}.csv`);
    commitRules(...names.map((name) => treeEntry('100644', name, blob)));
    const began = process.memoryUsage.rss();
    expect(await refusal()).toMatchObject({
      code: 'too-many-files',
      message: 'the policy has 100000 files, more than 100',
    });
    expect(process.memoryUsage.rss() - began).toBeLessThan(300 * 1024 * 1024);
  });

  it('a tree that stands in itself ten times ten times over is refused before it is all listed', async () => {
    let tree = repository.object('tree', treeEntry('100644', 'a.csv', repository.object('blob', 'p')));
    for (let level = 0; level < 9; level++) {
      const entries = Array.from({ length: 10 }, (_, n) => treeEntry('40000', `d${n}`, tree));
      tree = repository.object('tree', Buffer.concat(entries));
    }
    repository.commitTree(repository.object('tree', treeEntry('40000', 'rules', tree)));
    expect((await refusal()).code).toBe('too-many-files');
  });

  it('10,000 levels of folders are refused', async () => {
    const levels = 10_000;
    let tree = repository.object('tree', treeEntry('100644', 'a.csv', repository.object('blob', 'p')));
    const made: Buffer[] = [];
    for (let level = 0; level < levels; level++) {
      const content = treeEntry('40000', level === levels - 1 ? 'rules' : 'd', tree);
      tree = createHash('sha1').update(`tree ${content.length}\0`).update(content).digest('hex');
      made.push(content);
    }
    const pack = join(repository.folder, '.git/objects/pack/deep.pack');
    writeFileSync(pack, packOf(made.map((content) => plain(2, content))));
    repository.git('index-pack', '-o', pack.replace('.pack', '.idx'), pack);
    repository.commitTree(tree);
    expect((await refusal()).code).toBe('path-refused');
  });

  it('a commit message of 50 MB is refused', async () => {
    const tree = repository.git('write-tree');
    const commit = repository.gitWith('m'.repeat(50_000_000), 'commit-tree', tree);
    repository.git('update-ref', 'refs/heads/main', commit);
    expect(await refusal()).toMatchObject({ code: 'too-large', hint: expect.stringContaining('message') as string });
  });

  it('a few bytes that stand for 2 GiB are refused in bounded memory', async () => {
    const base = Buffer.alloc(0xffffff);
    const copies = 128;
    const size = base.length * copies;
    const sha1 = createHash('sha1').update(`blob ${size}\0`);
    for (let i = 0; i < copies; i++) sha1.update(base);
    const bomb = sha1.digest('hex');
    const copyAll = Buffer.from([0xf0, 0xff, 0xff, 0xff]);
    const delta = Buffer.concat([varint(base.length), varint(size), ...Array.from({ length: copies }, () => copyAll)]);
    const from = createHash('sha1').update(`blob ${base.length}\0`).update(base).digest('hex');
    const objects = [plain(3, base), deltaOf(from, delta)];
    writePack('bomb', objects, [from, bomb]);
    commitRules(treeEntry('100644', 'a.csv', from), treeEntry('100644', 'b.csv', bomb));
    const began = Date.now();
    const fault = await refusal();
    expect(fault).toMatchObject({ code: 'too-large', message: expect.stringMatching(/memory|allocate/i) as string });
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(mirrorSize()).toBeLessThan(1_000_000);
  }, 60_000);

  it('a million refs cost no more than one', async () => {
    const commit = repository.commit({ 'rules/a.csv': 'p' });
    const lines = Array.from({ length: 1_000_000 }, (_, n) => `${commit} refs/heads/x${String(n).padStart(7, '0')}`);
    const text = `# pack-refs with: peeled fully-peeled sorted \n${lines.join('\n')}\n`;
    writeFileSync(join(repository.folder, '.git/packed-refs'), text);
    const { files, took } = await read();
    expect(files.size).toBe(1);
    expect(took).toBeLessThan(10_000);
    expect(mirrorSize()).toBeLessThan(100_000);
  });
});

describe('a history that is not what it was', () => {
  it('is accepted when it was rewritten, and that is said', async () => {
    const source = repository.source();
    const first = repository.commit({ 'rules/a.csv': 'one' });
    expect(await source.fetch(null)).toMatchObject({ commit: first, rewritten: false });
    const second = repository.commit({ 'rules/a.csv': 'two' });
    expect(await source.fetch(first)).toMatchObject({ commit: second, rewritten: false });
    repository.commit({ 'rules/a.csv': 'three' }, '--amend');
    expect((await source.fetch(second)).rewritten).toBe(true);
    expect((await source.fetch(first)).rewritten).toBe(false);
    repository.git('reset', '-q', '--hard', first);
    expect(await source.fetch(second)).toMatchObject({ commit: first, rewritten: true });
    expect((await source.fetch('0'.repeat(40))).rewritten).toBe(true);
  });

  it('is refused when the branch is gone or the repository is empty, and what was fetched stays', async () => {
    const source = repository.source();
    expect(await faultOf(source.fetch(null))).toMatchObject({ code: 'branch-missing' });
    const commit = repository.commit({ 'rules/a.csv': 'one' });
    await source.fetch(null);
    repository.git('checkout', '-q', '-b', 'other');
    repository.git('branch', '-q', '-D', 'main');
    expect(await faultOf(source.fetch(commit))).toMatchObject({
      code: 'branch-missing',
      hint: expect.stringContaining('CORDON_POLICY_BRANCH') as string,
    });
    expect((await source.readTree(commit, '.')).get('rules/a.csv')).toBe('one');
  });

  it.each(['blob', 'tree'] as const)('is refused when the branch leads to a %s', async (kind) => {
    const object = repository.object(kind, '');
    writeFileSync(join(repository.folder, '.git/refs/heads/main'), `${object}\n`);
    expect(await refusal()).toMatchObject({
      code: 'not-a-commit',
      message: `the branch or tag leads to a ${kind}, not to a commit`,
    });
  });

  it.each(['+1', '99999999999999999999 +0000', ''])('is refused when a commit has the date %s', async (date) => {
    const person = `Ada <ada@example.org> ${date}`;
    const tree = repository.object('tree', '');
    const commit = repository.object('commit', `tree ${tree}\nauthor ${person}\ncommitter ${person}\n\nx\n`);
    writeFileSync(join(repository.folder, '.git/refs/heads/main'), `${commit}\n`);
    expect((await refusal()).code).toBe('bad-object');
  });

  it('shows author and message without control characters', async () => {
    repository.commit({ 'rules/a.csv': 'one' });
    repository.git('commit', '-q', '--amend', '--author=E\u001b[31mve <eve@example.org>', '-m', 'b\u001b[2Joo');
    const { author, message } = await repository.source().fetch(null);
    expect(author).toBe('E?[31mve <eve@example.org>');
    expect(message).toBe('b?[2Joo');
  });
});

/** Kind and length, as a pack writes them: 4 bits, then 7 a byte. */
function header(kind: number, size: number): Buffer {
  const bytes = [(kind << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
}

function varint(size: number): Buffer {
  const bytes = [];
  for (let rest = size; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest & 127) | (rest >= 128 ? 128 : 0));
    if (rest < 128) return Buffer.from(bytes);
  }
}

const plain = (kind: number, content: Buffer): Buffer =>
  Buffer.concat([header(kind, content.length), deflateSync(content)]);
const deltaOf = (base: string, delta: Buffer): Buffer =>
  Buffer.concat([header(7, delta.length), Buffer.from(base, 'hex'), deflateSync(delta)]);
const sha1Of = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

function packOf(objects: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('PACK'), word(2), word(objects.length), ...objects]);
  return Buffer.concat([body, sha1Of(body)]);
}

/** With its index, which git would make only from what it can unpack. */
function writePack(name: string, objects: readonly Buffer[], names: readonly string[]): void {
  const pack = packOf(objects);
  let offset = 12;
  const rows = objects.map((bytes, index) => {
    const row = { name: names[index]!, crc: crc32(bytes), offset };
    offset += bytes.length;
    return row;
  });
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  const fanout = Array.from({ length: 256 }, (_, first) =>
    word(rows.filter((row) => Number.parseInt(row.name.slice(0, 2), 16) <= first).length),
  );
  const body = Buffer.concat([
    Buffer.from([0xff, 0x74, 0x4f, 0x63]),
    word(2),
    ...fanout,
    ...rows.map((row) => Buffer.from(row.name, 'hex')),
    ...rows.map(({ crc }) => word(crc)),
    ...rows.map((row) => word(row.offset)),
    pack.subarray(-20),
  ]);
  const file = join(repository.folder, '.git/objects/pack', `pack-${name}`);
  writeFileSync(`${file}.pack`, pack);
  writeFileSync(`${file}.idx`, Buffer.concat([body, sha1Of(body)]));
}
