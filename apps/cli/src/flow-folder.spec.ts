import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlowFolder } from './flow-folder.js';

const header = 'ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt';
/** A connection from `10.21.0.1`, and its answer. */
const pair = (port: number, minute = 0): string => {
  const at = `2026-11-24 10:${String(minute).padStart(2, '0')}`;
  const from = 40_000 + port;
  return [
    `${at}:00.000,${at}:02.000,2,10.21.0.1,10.10.4.20,${from},${port},TCP,......S.,0,0,3,300,0,0`,
    `${at}:00.001,${at}:02.000,2,10.10.4.20,10.21.0.1,${port},${from},TCP,......S.,0,0,2,200,0,0`,
  ].join('\n');
};

describe('FlowFolder', () => {
  let folder: string;
  let position: string;
  beforeEach(() => {
    const base = mkdtempSync(path.join(tmpdir(), 'cordon-folder-'));
    folder = mkdtempSync(path.join(base, 'flows-'));
    position = path.join(base, 'position');
  });
  afterEach(() => rmSync(path.dirname(folder), { recursive: true }));

  const put = (name: string, ...lines: readonly string[]): void =>
    writeFileSync(path.join(folder, name), `${[header, ...lines].join('\n')}\n`);
  const open = (): FlowFolder => new FlowFolder(folder, position);
  const take = (from: FlowFolder, mostBytes = 10_000): [string, string[]] | null => {
    const batch = from.next(mostBytes);
    if (!batch) return null;
    from.confirm(batch);
    return [batch.name, batch.text.trim().split('\n').slice(1)];
  };

  it('gives whole files in the order of their names, each once, and none that is being written', () => {
    const flows = open();
    expect(take(flows)).toBeNull();
    put('nfcapd.202611241005.csv', pair(443));
    put('nfcapd.202611241000.csv', pair(80), pair(80, 1));
    put('.nfcapd.202611240900.csv', pair(22));
    expect(take(flows)).toEqual([
      'nfcapd.202611241000.csv',
      ['2026-11-24T10:00:00.000Z,2026-11-24T10:01:02.000Z,10.21.0.1,10.10.4.20,6,80,6,2,yes'],
    ]);
    expect(take(flows)![0]).toBe('nfcapd.202611241005.csv');
    expect(take(flows)).toBeNull();
    put('nfcapd.202611241010.csv', pair(443));
    expect(take(open())![0]).toBe('nfcapd.202611241010.csv');
    expect(take(open())).toBeNull();
  });

  it('goes on in the middle of a file, with what was not confirmed', () => {
    const ports = Array.from({ length: 20 }, (_, i) => 100 + i);
    put('a.csv', ...ports.map((port) => pair(port)));
    const seen: string[] = [];
    let pieces = 0;
    for (let flows = open(); ; flows = open()) {
      expect(flows.next(500)).toEqual(flows.next(500));
      const taken = take(flows, 500);
      if (!taken) break;
      pieces++;
      seen.push(...taken[1]);
    }
    expect(pieces).toBeGreaterThan(3);
    expect(seen.map((line) => Number(line.split(',')[5]))).toEqual(ports);
  });

  it('passes over a file without flows, and one that holds something else', () => {
    put('a.csv');
    writeFileSync(path.join(folder, 'b.csv'), 'something else\n');
    put('c.csv', pair(443));
    const flows = open();
    expect(flows.next(1000)).toMatchObject({ name: 'a.csv', text: '' });
    expect([take(flows)![0], take(flows)![0], take(flows)![0], take(flows)]).toEqual(['a.csv', 'b.csv', 'c.csv', null]);
  });

  it('refuses a position that is none', () => {
    writeFileSync(position, 'a.csv 3 4\n');
    expect(open).toThrow(/holds no position/);
    put('with blanks 1.csv', pair(443));
    rmSync(position);
    expect(take(open())![0]).toBe('with blanks 1.csv');
    expect(readFileSync(position, 'utf8')).toBe('with%20blanks%201.csv whole\n');
    expect(take(open())).toBeNull();
  });
});
