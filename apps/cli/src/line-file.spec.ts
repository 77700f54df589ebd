import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineFile } from './line-file.js';

describe('LineFile', () => {
  let folder: string;
  let log: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cordon-lines-'));
    log = path.join(folder, 'denied.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (): LineFile => new LineFile(log, path.join(folder, 'position'));
  const take = (file: LineFile, mostBytes = 1000): string | null => {
    const batch = file.next(mostBytes);
    if (batch) file.confirm(batch);
    return batch && batch.text;
  };

  it('gives whole lines, each once, and waits for the rest of one', () => {
    const file = open();
    expect(take(file)).toBeNull();
    writeFileSync(log, 'a\nb\nhal');
    expect(take(file)).toBe('a\nb\n');
    expect(take(file)).toBeNull();
    appendFileSync(log, 'f\n');
    expect(take(file)).toBe('half\n');
  });

  it('gives no more than asked for at once', () => {
    writeFileSync(log, 'aaa\nbbb\nccc\n');
    const file = open();
    expect([take(file, 9), take(file, 9), take(file, 9)]).toEqual(['aaa\nbbb\n', 'ccc\n', null]);
  });

  it('passes over what is no line', () => {
    writeFileSync(log, `${'\0'.repeat(25)}\nb\n`);
    const file = open();
    const texts = Array.from({ length: 4 }, () => take(file, 10));
    expect(texts).toEqual(['\n', '\n', '\0\0\0\0\0\nb\n', null]);
  });

  it('gives again what was not confirmed, to whoever comes after', () => {
    writeFileSync(log, 'a\n');
    const killed = open();
    expect(killed.next(1000)?.text).toBe('a\n');
    expect(take(open())).toBe('a\n');
    appendFileSync(log, 'b\n');
    expect(take(open())).toBe('b\n');
  });

  it('reads a renamed file to its end before the new one', () => {
    writeFileSync(log, 'a\n');
    const file = open();
    expect(take(file)).toBe('a\n');
    appendFileSync(log, 'b\n');
    renameSync(log, `${log}.1`);
    expect(take(file)).toBe('b\n');
    appendFileSync(`${log}.1`, 'c\n');
    writeFileSync(log, 'd\n');
    expect([take(file), take(file), take(file)]).toEqual(['c\n', 'd\n', null]);
  });

  it('does so also when it was away while the file was renamed', () => {
    writeFileSync(log, 'a\nb\n');
    expect(take(open(), 3)).toBe('a\n');
    renameSync(log, `${log}.1`);
    writeFileSync(log, 'c\n');
    const file = open();
    expect([take(file), take(file)]).toEqual(['b\n', 'c\n']);
  });

  it('begins anew in a file that was cut', () => {
    writeFileSync(log, 'aaaa\n');
    const file = open();
    take(file);
    truncateSync(log);
    appendFileSync(log, 'b\n');
    expect(take(file)).toBe('b\n');
  });

  it('refuses a position that is none', () => {
    writeFileSync(path.join(folder, 'position'), 'x');
    expect(() => open().next(10)).toThrow('holds no position');
  });
});
