import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from './policy-files.js';
import { writePolicyFiles } from './policy-writer.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-writer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const text = (file: string): string => readFileSync(join(folder, file), 'utf8');

describe('writing policy files', () => {
  it('makes files and folders, and keeps modes and links', () => {
    mkdirSync(join(folder, 'rules'));
    writeFileSync(join(folder, 'rules/a.csv'), 'old');
    chmodSync(join(folder, 'rules/a.csv'), 0o640);
    symlinkSync('a.csv', join(folder, 'rules/b.csv'));
    writePolicyFiles(
      folder,
      new Map([
        ['rules/b.csv', 'new'],
        ['catalog/sites.yaml', 'x'],
      ]),
    );
    expect([text('rules/a.csv'), text('catalog/sites.yaml')]).toEqual(['new', 'x']);
    expect(lstatSync(join(folder, 'rules/b.csv')).isSymbolicLink()).toBe(true);
    expect(statSync(join(folder, 'rules/a.csv')).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(folder, 'rules')).sort()).toEqual(['a.csv', 'b.csv']);
  });

  it('writes all or nothing', () => {
    writeFileSync(join(folder, 'a.csv'), 'old');
    writeFileSync(join(folder, 'no-folder'), '');
    const files = new Map([
      ['a.csv', 'new'],
      ['no-folder/b.csv', 'x'],
    ]);
    expect(() => writePolicyFiles(folder, files)).toThrow(UsageError);
    expect(text('a.csv')).toBe('old');
    expect(readdirSync(folder).sort()).toEqual(['a.csv', 'no-folder']);
  });
});
