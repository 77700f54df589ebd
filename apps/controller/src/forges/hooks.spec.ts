import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Refusal } from '../http/refusal.js';
import { Log } from '../log.js';
import { Database } from '../store/database.js';
import { Hooks, remember } from './hooks.js';

const secret = 'a secret of the hook';
const body = Buffer.from('{"ref":"refs/heads/main","secret":"never believed"}');
const genuine = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
const clock = { at: new Date(0), now: () => clock.at };
let folder: string;
let database: Database;
let asked: string[];
let lines: string[];
let hooks: Hooks;

const open = (secrets: readonly string[] = [secret]) =>
  new Hooks(
    { database, look: { ask: (actor) => void asked.push(actor) }, clock, log: new Log((line) => lines.push(line)) },
    secrets,
  );

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-hooks-'));
  database = await Database.open(join(folder, 'cordon.db'));
  clock.at = new Date('2026-11-23T11:00:00Z');
  [asked, lines] = [[], []];
  hooks = open();
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const push = (id: string, change: IncomingHttpHeaders = {}, from = '192.0.2.7') =>
  hooks.take('github', from, {
    headers: { 'x-github-event': 'push', 'x-github-delivery': id, 'x-hub-signature-256': genuine, ...change },
    body,
  });
const refusalOf = async (work: Promise<unknown>): Promise<Refusal> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof Refusal) return error;
  throw new Error(`not refused: ${String(error)}`);
};
const countOf = (outcome: string) => hooks.counts().find(([forge, name]) => forge === 'github' && name === outcome)![2];

it('a push makes the controller look, once, also when it comes again after a restart', async () => {
  expect(await push('d1')).toBe('accepted');
  expect(await push('d1')).toBe('known');
  hooks = open();
  expect(await push('d1')).toBe('known');
  expect(asked).toEqual(['hook:github']);
  expect(await push('d2')).toBe('accepted');
  expect(asked).toHaveLength(2);
  expect([countOf('accepted'), countOf('known')]).toEqual([1, 1]);
});

it('the same id of another forge is another delivery', async () => {
  await push('d1');
  const signature = genuine.slice('sha256='.length);
  const headers = { 'x-gitea-event': 'push', 'x-gitea-delivery': 'd1', 'x-gitea-signature': signature };
  expect(await hooks.take('gitea', '192.0.2.7', { headers, body })).toBe('accepted');
});

it('what is no push is taken and does nothing', async () => {
  expect(await push('d1', { 'x-github-event': 'ping' })).toBe('ignored');
  expect(await push('d2', { 'x-github-event': undefined })).toBe('ignored');
  expect(asked).toEqual([]);
});

it('one that is not genuine is refused without a word of why, counted and logged, and is not remembered', async () => {
  const wrong = await refusalOf(push('d1', { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }));
  const missing = await refusalOf(push('d1', { 'x-hub-signature-256': undefined }));
  for (const refusal of [wrong, missing]) {
    expect(refusal).toMatchObject({ code: 'unauthenticated', message: 'not authenticated', errors: [] });
  }
  expect(countOf('refused')).toBe(2);
  expect(lines.join('')).not.toMatch(/never believed|sha256=/);
  expect(lines).toHaveLength(2);
  expect(await push('d1')).toBe('accepted');
});

it('one without an id, or with one that is none, is refused', async () => {
  for (const id of [undefined, 'a b', 'x'.repeat(129)])
    expect((await refusalOf(push('', { 'x-github-delivery': id }))).code).toBe('malformed');
  expect(asked).toEqual([]);
});

it('without a secret nobody is listened to, and the answer says what to set', async () => {
  hooks = open([]);
  const refusal = await refusalOf(push('d1'));
  expect(refusal.code).toBe('not-found');
  expect(refusal.message).toContain('CORDON_HOOK_SECRET_FILE');
});

it('one address may say so much, and others meanwhile', async () => {
  const wrong = { 'x-hub-signature-256': 'sha256=00' };
  for (let n = 0; n < 60; n++) expect((await refusalOf(push('d1', wrong))).code).toBe('unauthenticated');
  expect((await refusalOf(push('d1', wrong))).code).toBe('too-many');
  expect((await refusalOf(push('d1'))).code).toBe('too-many');
  expect(countOf('limited')).toBe(2);
  expect(await push('d1', {}, '192.0.2.8')).toBe('accepted');
  clock.at = new Date(clock.at.getTime() + 1000);
  expect(await push('d2')).toBe('accepted');
});

it('deliveries are remembered for a day, and the newest of too many', async () => {
  const at = (hours: number) => new Date(clock.at.getTime() + hours * 3_600_000);
  const isNew = (key: string, hours: number, most?: number) =>
    database.transaction((tx) => remember(tx, key, at(hours), most));
  expect(await isNew('a', 0)).toBe(true);
  expect(await isNew('a', 23)).toBe(false);
  expect(await isNew('a', 25)).toBe(true);
  for (const key of ['b', 'c', 'd']) expect(await isNew(key, 26, 3)).toBe(true);
  expect(await isNew('a', 26, 3)).toBe(true);
  expect(await isNew('d', 26, 3)).toBe(false);
});
