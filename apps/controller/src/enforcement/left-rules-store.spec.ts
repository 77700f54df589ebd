import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Database } from '../store/database.js';
import { LeftRulesStore } from './left-rules-store.js';

const row = (point: string, fingerprint: string) => ({
  point,
  fingerprint,
  target: 'ssh to there',
  digest: 'd',
  confirmedAt: 'then',
  begunAt: null,
});
let folder: string;
let path: string;
let database: Database;
let store: LeftRulesStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-left-'));
  path = join(folder, 'cordon.db');
  database = await Database.open(path);
  store = new LeftRulesStore(database);
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

it('keeps the last of each point over a restart, many at once, and forgets those that are gone', async () => {
  const points = Array.from({ length: 450 }, (_, i) => `fw${i}`);
  await Promise.all(points.map((point) => store.save(row(point, 'one'))));
  void store.save({ ...row('fw7', 'one'), begunAt: 'now' });
  void store.save(row('fw7', 'two'));
  await store.settled();
  await store.forget('fw8');
  await database.close();
  database = await Database.open(path);
  store = new LeftRulesStore(database);
  expect(await store.load('fw7', 'ssh to there')).toEqual(row('fw7', 'two'));
  expect(await store.load('fw449', 'ssh to there')).toEqual(row('fw449', 'one'));
  expect(await store.load('fw8', 'ssh to there')).toMatchObject({ point: 'fw8', fingerprint: null, begunAt: null });
});

it('knows nothing of a point that is reached in another way, or by another release', async () => {
  await store.save(row('fw1', 'one'));
  expect(await store.load('fw1', 'ssh to elsewhere')).toEqual({
    ...row('fw1', 'one'),
    target: 'ssh to elsewhere',
    fingerprint: null,
    digest: null,
    confirmedAt: null,
  });
});
