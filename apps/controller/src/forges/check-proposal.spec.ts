import fc from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFiles } from './check-proposal.js';

const before = new Map([
  ['rules/flows.csv', 'p, a, b\n'],
  ['catalog/sites.yaml', 'main: {}\n'],
]);
const wrongWith = (path: string, content: string | null = 'x') =>
  checkFiles([{ path, content }], before).map(({ detail }) => detail);

describe('a proposed file', () => {
  it.each(['rules/flows.csv', 'rules/new.csv', 'tests/a/b.yaml', 'network/nas.yml', 'cordon.yaml', 'model.conf'])(
    'may be %s',
    (path) => expect(wrongWith(path)).toEqual([]),
  );

  it.each([
    '../rules/flows.csv',
    'rules/../../etc/x.csv',
    'rules/../rules/flows.csv',
    './rules/flows.csv',
    '/rules/flows.csv',
    'rules//flows.csv',
    'rules\\flows.csv',
    'rules/flows.csv\n',
    'rules/fl ows.csv',
    'rules/"flows.csv',
    'rules/.hidden.csv',
    'rules/-rf.csv',
    '.git/rules/config.csv',
    'rules/.git/x.csv',
    `rules/${'x'.repeat(200)}.csv`,
  ])('may not be %j', (path) => {
    expect(wrongWith(path)).toEqual([expect.stringContaining('must be a path from the policy folder')]);
  });

  it.each(['README.md', 'rules/run.sh', '_github/workflows/x.yml', 'rules.csv'])('may not be %s: no policy', (path) => {
    expect(wrongWith(path)).toEqual([expect.stringContaining('is no file of a policy')]);
  });

  it('stays below the policy folder, whatever it is called', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', 'rules', 'a.csv', '-x', '~', '%2e%2e'), fc.string());
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const path = parts.join('/');
        if (wrongWith(path).length > 0) return;
        expect(posix.normalize(path)).toBe(path);
        expect(path.startsWith('../') || path.startsWith('/')).toBe(false);
      }),
    );
  });

  it('may be deleted if it is there, and must change something', () => {
    expect(wrongWith('rules/flows.csv', null)).toEqual([]);
    expect(wrongWith('rules/other.csv', null)).toEqual(['there is no such file to delete']);
    expect(wrongWith('rules/flows.csv', 'p, a, b\n')).toEqual([expect.stringContaining('nothing is changed')]);
  });

  it.each([
    ['a NUL', 'a\0b'],
    ['half a character', 'a\ud800b'],
  ])('with %s is no text', (_, content) => {
    expect(wrongWith('rules/flows.csv', content)).toEqual(['must be text']);
  });
});

describe('proposed files', () => {
  const files = (count: number, content = 'x') =>
    Array.from({ length: count }, (_, n) => ({ path: `rules/${n}.csv`, content }));

  it('are a hundred at most, with four megabytes', () => {
    expect(checkFiles(files(100), before)).toEqual([]);
    expect(checkFiles(files(101), before)).toEqual([{ pointer: '/files', detail: '101 files are more than 100' }]);
    const quarter = 'ä'.repeat(512 * 1024);
    expect(checkFiles(files(4, quarter), before)).toEqual([]);
    expect(checkFiles(files(5, quarter), before)[0]!.detail).toContain('5242880 bytes are more than');
  });

  it('stand once each, and each error says which it is', () => {
    const twice = [...files(1), ...files(1), { path: 'x', content: '' }];
    expect(checkFiles(twice, before)).toEqual([
      { pointer: '/files/1/path', detail: 'it stands here twice' },
      { pointer: '/files/2/path', detail: expect.stringContaining('no file of a policy') as string },
    ]);
  });
});
