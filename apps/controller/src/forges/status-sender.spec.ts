import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { playGitea } from '../../../../test/forges/gitea.js';
import { playGithub } from '../../../../test/forges/github.js';
import { playGitlab } from '../../../../test/forges/gitlab.js';
import type { PlayedForge } from '../../../../test/forges/played-forge.js';
import { Log } from '../log.js';
import { Database } from '../store/database.js';
import { inForce, refusedFor, takenBack, tellCommit, waits, type Standing } from './commit-status.js';
import { readForge, type ForgeTarget } from './forge-config.js';
import type { ForgeKind } from './hook-schemes.js';
import { StatusSender } from './status-sender.js';

const apis: Readonly<Record<ForgeKind, string>> = { github: '/api/v3', gitlab: '/api/v4', gitea: '/api/v1' };
const plays = { github: playGithub, gitlab: playGitlab, gitea: playGitea };
const failure: Readonly<Record<ForgeKind, string>> = { github: 'failure', gitlab: 'failed', gitea: 'failure' };
const patient = { timeout: 10_000, interval: 10 };
const sha = (digit: string) => digit.repeat(40);

let folder: string;
let database: Database;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-statuses-'));
  database = await Database.open(join(folder, 'cordon.db'));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function telling(kind: ForgeKind, change: Partial<ForgeTarget> = {}, timeout = 10_000) {
  const forge: PlayedForge = plays[kind]();
  await forge.start();
  ends.push(() => forge.stop());
  for (const digit of ['a', 'b', 'c']) forge.commits.add(sha(digit));
  const lines: string[] = [];
  const clock = { at: new Date('2026-11-23T11:00:00Z'), now: () => clock.at };
  const { token, project } = forge;
  const targetUrl = 'https://cordon.test/';
  const target = { kind, api: forge.url + apis[kind], project, token, context: 'cordon/production', targetUrl };
  const sender = new StatusSender(
    { database, clock, random: () => 0, log: new Log((line) => lines.push(line)) },
    { ...target, ...change },
    { idle: 2, timeout, firstRetry: 2, lastRetry: 5, late: 300_000, useless: 86_400_000 },
  );
  await sender.start();
  ends.push(() => sender.stop());
  const happen = (digit: string, ...standings: Standing[]) =>
    database.transaction(async (tx) => {
      for (const standing of standings) await tellCommit(tx, clock.now(), sha(digit), standing);
    });
  const settled = (state: object) => vi.waitFor(async () => expect(await sender.state()).toMatchObject(state), patient);
  return { forge, sender, clock, lines, happen, settled };
}

describe.each(['github', 'gitlab', 'gitea'] as const)('%s', (kind) => {
  it('is told each step of a commit, in order, under one name', async () => {
    const { forge, happen, settled } = await telling(kind);
    await happen('a', waits, inForce);
    await happen('b', waits, takenBack('pumps of ward 3 lose their gateway'));
    await settled({ sent: 4, failed: 0, waiting: 0, dropped: 0 });
    expect(forge.statuses).toMatchObject([
      { sha: sha('a'), state: 'pending', context: 'cordon/production', targetUrl: 'https://cordon.test/' },
      { sha: sha('a'), state: 'success', description: 'in force everywhere' },
      { sha: sha('b'), state: 'pending' },
      { sha: sha('b'), state: failure[kind], description: 'taken back: pumps of ward 3 lose their gateway' },
    ]);
  });

  it('may be told the same again', async () => {
    const { forge, happen, settled } = await telling(kind);
    await happen('a', waits, waits, inForce, inForce);
    await settled({ sent: 4, failed: 0, dropped: 0 });
    expect(forge.statesOf(sha('a')).at(-1)).toBe('success');
  });

  it('takes a description however long it is', async () => {
    const { forge, happen, settled } = await telling(kind);
    const summary = 'x'.repeat(10_000);
    const span = { file: 'rules/flows.csv', line: 14, column: 4 };
    await happen('a', refusedFor([{ severity: 'error', code: 'unknown-name', summary, hint: '', span }]));
    await settled({ sent: 1, dropped: 0 });
    expect(forge.statuses[0]!.description).toMatch(/^refused: rules\/flows\.csv:14:4: error unknown-name: x+…$/);
  });

  it('hears what happened while it was away, once it is back, in order', async () => {
    const { forge, happen, settled, lines } = await telling(kind);
    forge.mode = 'fails';
    await happen('a', waits, inForce);
    await vi.waitFor(() => expect(forge.log.length).toBeGreaterThan(2), patient);
    expect(forge.statuses).toEqual([]);
    forge.mode = 'serves';
    await settled({ sent: 2, waiting: 0, dropped: 0 });
    expect(forge.statesOf(sha('a'))).toEqual(['pending', 'success']);
    expect(lines.filter((line) => line.includes('commit status not taken'))).toHaveLength(1);
  });

  it('that does not know the token is asked again, and the token is in no log', async () => {
    const { sender, clock, forge, happen, lines } = await telling(kind, { token: 'another-token' });
    await happen('a', inForce);
    await vi.waitFor(() => expect(forge.log.length).toBeGreaterThan(2), patient);
    clock.at = new Date(clock.at.getTime() + 300_001);
    const { late, dropped } = (await sender.state())!;
    expect(late?.problem).toMatch(/^the forge answered 401 \(.*\): its token is not known there, or is over$/);
    expect(dropped).toBe(0);
    expect(lines.join('')).not.toContain('another-token');
  });

  it('that has no such project is asked again', async () => {
    const { forge, happen, settled } = await telling(kind, { project: 'clinic/other' });
    await happen('a', inForce);
    await settled({ waiting: 1, dropped: 0 });
    await vi.waitFor(() => expect(forge.log.length).toBeGreaterThan(2), patient);
  });

  it('that hangs holds up nobody, and is left at the end', async () => {
    const { forge, sender, happen } = await telling(kind, {}, 100);
    forge.mode = 'hangs';
    await happen('a', inForce);
    await vi.waitFor(async () => expect((await sender.state())!.failed).toBeGreaterThan(0), patient);
    await happen('b', inForce);
    await sender.stop();
    expect(await sender.state()).toMatchObject({ sent: 0, waiting: 2 });
  });
});

it.each(['github', 'gitlab'] as const)(
  '%s refuses a commit that it does not have, and hears of the next',
  async (kind) => {
    const { forge, happen, settled } = await telling(kind);
    await happen('f', inForce);
    await happen('a', inForce);
    await settled({ sent: 1, dropped: 1, waiting: 0 });
    expect(forge.statesOf(sha('a'))).toEqual(['success']);
  },
);

it('does not follow a redirection: the token would go elsewhere', async () => {
  const elsewhere = playGitea();
  await elsewhere.start();
  elsewhere.commits.add(sha('a'));
  ends.push(() => elsewhere.stop());
  const server = createServer((request, response) => {
    response.writeHead(307, { location: `${elsewhere.url}${request.url}` }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
  const { happen, sender } = await telling('gitea', { api });
  await happen('a', inForce);
  await vi.waitFor(async () => expect((await sender.state())!.failed).toBeGreaterThan(1), patient);
  expect(await sender.state()).toMatchObject({ sent: 0, waiting: 1, dropped: 0 });
  expect(elsewhere.log).toEqual([]);
});

it('nothing is stored while no forge is to hear of it', async () => {
  const clock = { now: () => new Date() };
  const sender = new StatusSender({ database, clock, random: () => 0, log: new Log(() => undefined) }, null);
  await sender.start();
  await database.transaction((tx) => tellCommit(tx, clock.now(), sha('a'), inForce));
  expect(await sender.state()).toBeNull();
  const { happen, settled } = await telling('github');
  await settled({ sent: 0, waiting: 0 });
  await happen('a', inForce);
  await settled({ sent: 1 });
});

describe('where the interface of a forge is', () => {
  const values = (more: object) => ({
    CORDON_FORGE_PROJECT: 'clinic/policy',
    CORDON_FORGE_TOKEN_FILE: join(folder, 'token'),
    ...more,
  });

  it.each<[ForgeKind, string | undefined, string]>([
    ['github', undefined, 'https://api.github.com'],
    ['github', 'https://git.clinic.test/', 'https://git.clinic.test/api/v3'],
    ['gitlab', undefined, 'https://gitlab.com/api/v4'],
    ['gitlab', 'https://clinic.test/gitlab', 'https://clinic.test/gitlab/api/v4'],
    ['gitea', 'https://codeberg.org', 'https://codeberg.org/api/v1'],
  ])('%s at %s', (kind, url, api) => {
    writeFileSync(join(folder, 'token'), 'a-token-of-it\n');
    const target = readForge(values({ CORDON_FORGE: kind, CORDON_FORGE_URL: url }), 'lab');
    expect(target).toMatchObject({ api, token: 'a-token-of-it', context: 'cordon/lab', targetUrl: null });
  });
});
