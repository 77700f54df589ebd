import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderWatch, type WatchTimes } from './folder-watch.js';

let root: string;
let folder: string;
let watch: FolderWatch | null = null;
let told = 0;
let heard: { readonly count: number; readonly done: () => void } | null = null;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-watch-'));
  folder = join(root, 'policies');
  write('rules/flows.csv', 'old');
  write('catalog/classes.yaml', 'pump: {}');
  told = 0;
  heard = null;
});
afterEach(() => {
  watch?.close();
  rmSync(root, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

const never = 600_000;
/** One of both ways only: else a test could not tell whether the other works. */
const byEvents: WatchTimes = { settle: 5, most: 200, withEvents: never, withoutEvents: 20 };
const byLooking: WatchTimes = { settle: 5, most: 200, withEvents: never, withoutEvents: 10 };

function start(times: WatchTimes, beside: readonly string[] = []): void {
  const poll = times === byLooking;
  watch = new FolderWatch(
    { folder, beside, poll },
    () => {
      told++;
      if (heard && told >= heard.count) heard.done();
    },
    times,
  );
}

async function toldTimes(count: number): Promise<void> {
  if (told >= count) return;
  await new Promise<void>((done) => {
    heard = { count, done };
  });
}

const edits: [string, () => void][] = [
  ['a file that is written in place', () => write('rules/flows.csv', 'new')],
  [
    'a file that is replaced, as editors save',
    () => {
      write('rules/.flows.csv.swp', 'new');
      renameSync(join(folder, 'rules/.flows.csv.swp'), join(folder, 'rules/flows.csv'));
    },
  ],
  [
    'a file of the same size and date as before',
    () => {
      const then = new Date('2026-11-01T08:00:00Z');
      write('rules/flows.csv', 'odl');
      utimesSync(join(folder, 'rules/flows.csv'), then, then);
    },
  ],
  ['a file that goes', () => rmSync(join(folder, 'rules/flows.csv'))],
  ['a file in a new folder', () => write('tests/new/flows.yaml', 'tests: []')],
  ['a folder that goes', () => rmSync(join(folder, 'rules'), { recursive: true })],
  ['the whole folder that goes', () => rmSync(folder, { recursive: true })],
];

describe.each([
  ['by events', byEvents],
  ['by looking', byLooking],
])('a watch %s', (_, times) => {
  it.each(edits)('tells of %s', async (_name, edit) => {
    start(times);
    edit();
    await toldTimes(1);
    expect(told).toBe(1);
  });

  it('goes on in a folder that comes back', async () => {
    start(times);
    rmSync(folder, { recursive: true });
    await toldTimes(1);
    write('rules/flows.csv', 'new');
    await toldTimes(2);
    const before = told;
    write('rules/flows.csv', 'newer');
    await toldTimes(before + 1);
  });

  it('tells of a file elsewhere that comes, changes and goes', async () => {
    const inventory = join(root, 'beside/devices.csv');
    mkdirSync(dirname(inventory));
    start(times, [inventory]);
    writeFileSync(inventory, 'a');
    await toldTimes(1);
    writeFileSync(inventory, 'ab');
    await toldTimes(2);
    rmSync(inventory);
    await toldTimes(3);
  });

  it('tells once of many files that are written at once', async () => {
    start(times);
    for (let n = 0; n < 50; n++) write(`rules/flows-${n}.csv`, 'x');
    await toldTimes(1);
    write('rules/last.csv', 'x');
    await toldTimes(2);
    expect(told).toBe(2);
  });

  it('tells while there is no end of changes', async () => {
    start({ ...times, most: 50 });
    let n = 0;
    const writing = setInterval(() => write('rules/flows.csv', 'x'.repeat(++n)), 2);
    try {
      await toldTimes(2);
    } finally {
      clearInterval(writing);
    }
  });

  it('does not tell of what is no policy text', async () => {
    start(times);
    write('rules/.flows.csv.swp', 'x');
    write('.git/index', 'x');
    write('rules/flows.csv', 'new');
    await toldTimes(1);
    write('rules/flows.csv', 'newer');
    await toldTimes(2);
    expect(told).toBe(2);
  });

  it('tells again when it is asked to', async () => {
    start(times);
    watch!.again();
    await toldTimes(1);
  });

  it('says nothing any more when it is closed', async () => {
    start(times);
    watch!.close();
    write('rules/flows.csv', 'new');
    const other = new Promise<void>((done) => {
      const second: FolderWatch = new FolderWatch(
        { folder, beside: [], poll: true },
        () => {
          second.close();
          done();
        },
        byLooking,
      );
    });
    write('rules/flows.csv', 'newer');
    await other;
    expect(told).toBe(0);
  });
});
