import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blameLines } from './blame.js';

const file = 'rules/flows.csv';

describe('the origin of a line', () => {
  let top: string;
  let repository: string;
  let first: string;
  let second: string;

  beforeAll(() => {
    top = mkdtempSync(join(tmpdir(), 'cordon-blame-'));
    repository = join(top, 'repository');
    mkdirSync(join(repository, 'policies/rules'), { recursive: true });
    git('init', '-q', '-b', 'main');
    write(file, 'one\ntwo\n');
    first = commit('Ada', 'open the pharmacy');
    write(file, 'one\ntwo and a half\n');
    second = commit('Bo', 'close it again');
    write(file, 'zero\none\ntwo and a half\n');
    write('rules/new.csv', 'new\n');
  });
  afterAll(() => rmSync(top, { recursive: true }));

  function git(...args: string[]): string {
    return execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  }

  function write(name: string, text: string): void {
    writeFileSync(join(repository, 'policies', name), text);
  }

  function commit(author: string, message: string): string {
    git('add', '-A');
    git('-c', `user.name=${author}`, '-c', `user.email=${author}@example.org`, 'commit', '-q', '-m', message);
    return git('rev-parse', 'HEAD');
  }

  const blame = (place: string, ...lines: [name: string, line: number][]) => {
    const of = blameLines(
      place,
      lines.map(([name, line]) => ({ file: name, line })),
    );
    return lines.map(([name, line]) => of({ file: name, line }));
  };

  it('is the commit that wrote it last, or none yet, in a folder', () => {
    const origins = blame(join(repository, 'policies'), [file, 1], [file, 2], [file, 3], ['rules/new.csv', 1]);
    expect(origins).toEqual([
      { committed: false },
      expect.objectContaining({ commit: first, author: 'Ada <Ada@example.org>', summary: 'open the pharmacy' }),
      expect.objectContaining({
        commit: second,
        author: 'Bo <Bo@example.org>',
        summary: 'close it again',
        orEarlier: false,
      }),
      { committed: false },
    ]);
    expect(origins[1]).toHaveProperty('at', expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/));
  });

  it('is that of the revision for a revision', () => {
    const before = process.cwd();
    process.chdir(join(repository, 'policies'));
    try {
      expect(blame('HEAD', [file, 1], [file, 2])).toMatchObject([{ commit: first }, { commit: second }]);
      expect(blame(`${first}:policies`, [file, 2])).toMatchObject([{ commit: first }]);
    } finally {
      process.chdir(before);
    }
  });

  it('may lie further back in a shallow clone, and says so', () => {
    const clone = join(top, 'shallow');
    execFileSync('git', ['clone', '-q', '--depth', '1', `file://${repository}`, clone]);
    expect(blame(join(clone, 'policies'), [file, 1])).toMatchObject([{ commit: second, orEarlier: true }]);
  });

  it('is none outside of git', () => {
    const plain = join(top, 'plain');
    mkdirSync(plain);
    expect(blame(plain, [file, 1])).toEqual([null]);
  });
});
