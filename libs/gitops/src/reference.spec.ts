import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PolicySource } from './policy-source.js';
import { checkReference, firstTag } from './reference.js';
import { SourceFault } from './source-fault.js';
import { faultOf, Repository } from './testdata/repository.js';

let repository: Repository;
beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

const following = (pattern: string): PolicySource => repository.source({ reference: { kind: 'tags', pattern } });

describe('the newest tag', () => {
  it('is so by version, also if it is of an older commit', async () => {
    const tags = ['v1.10', 'v1.9', 'v2.0-rc1', 'v1.2', 'other-9'];
    const commits = new Map(tags.map((tag) => [tag, repository.commit({ 'rules/a.csv': tag })] as const));
    for (const [tag, commit] of commits) repository.git('tag', '-a', tag, commit, '-m', tag);
    const newest = async (pattern: string): Promise<string> => (await following(pattern).fetch(null)).commit;
    expect(await newest('v*')).toBe(commits.get('v2.0-rc1'));
    expect(await newest('v1.*')).toBe(commits.get('v1.10'));
    expect(await newest('v1.?')).toBe(commits.get('v1.9'));
    repository.git('tag', 'v2.0', commits.get('v1.2')!);
    expect(await newest('v*')).toBe(commits.get('v1.2'));
  });

  it('takes the place of one whose name is a folder of its own', async () => {
    const source = following('*');
    repository.commit({ 'rules/a.csv': 'one' });
    repository.git('tag', 'v1');
    await source.fetch(null);
    repository.git('tag', '-d', 'v1');
    const second = repository.commit({ 'rules/a.csv': 'two' });
    repository.git('tag', 'v1/x');
    expect(await source.fetch(null)).toMatchObject({ commit: second, tag: { name: 'v1/x' } });
  });

  it('says that it went back when a tag was moved or deleted', async () => {
    const source = following('v*');
    const first = repository.commit({ 'rules/a.csv': 'one' });
    repository.git('tag', 'v1');
    const second = repository.commit({ 'rules/a.csv': 'two' });
    repository.git('tag', 'v2');
    expect(await source.fetch(first)).toMatchObject({ commit: second, rewritten: false });
    repository.git('tag', '-d', 'v2');
    expect(await source.fetch(second)).toMatchObject({ commit: first, rewritten: true });
  });

  it('is missing when none fits, and what to do is said', async () => {
    repository.commit({ 'rules/a.csv': 'one' });
    repository.git('tag', 'x1');
    expect(await faultOf(following('v*').fetch(null))).toMatchObject({
      code: 'tag-missing',
      hint: expect.stringContaining('CORDON_POLICY_TAGS') as string,
    });
  });

  it.each(['blob', 'tree'] as const)('is refused when it is of a %s', async (kind) => {
    repository.git('tag', 'v1', repository.object(kind, ''));
    expect((await faultOf(following('v*').fetch(null))).code).toBe('not-a-commit');
  });
});

describe('a listing of tags', () => {
  const object = '1'.repeat(40);
  it.each<[string, string, string | null]>([
    ['odd names are no releases', `${object}\trefs/tags/v9;x\n${object}\trefs/tags/v1`, 'v1'],
    ['nor are names that lead out', `${object}\trefs/tags/v/../x\n${object}\trefs/tags/-v\n`, null],
    ['nor is what is no tag', `${object}\trefs/heads/v1\nremote: refs/tags/v2\n`, null],
    ['a dot of the pattern is a dot', `${object}\trefs/tags/v1x0\n${object}\trefs/tags/v1.0\n`, 'v1.0'],
  ])('%s', (_, listing, expected) => expect(firstTag(listing, expected === 'v1.0' ? 'v1.?' : '*')).toBe(expected));
});

describe('a reference', () => {
  it.each(['', '-x', 'a..b', 'a b', 'a.lock', 'a/', 'a//b', '/a', 'a\nb', '@{1}'])('%j is no branch', (name) => {
    expect(() => checkReference({ kind: 'branch', name })).toThrow(SourceFault);
  });

  it.each(['', 'v[12]', 'v 1', 'v{1}', 'v^', 'x'.repeat(201)])('%j is no pattern of tags', (pattern) => {
    expect(() => checkReference({ kind: 'tags', pattern })).toThrow(SourceFault);
  });
});
