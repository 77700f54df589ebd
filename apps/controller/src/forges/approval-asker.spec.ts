import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { playGitea } from '../../../../test/forges/gitea.js';
import { playGithub } from '../../../../test/forges/github.js';
import { playGitlab } from '../../../../test/forges/gitlab.js';
import type { PlayedReview } from '../../../../test/forges/played-forge.js';
import { Log } from '../log.js';
import type { Approval } from '../policy/approvals.js';
import { PolicyStore } from '../policy/policy-store.js';
import { Database } from '../store/database.js';
import { ApprovalAsker } from './approval-asker.js';
import type { ForgeTarget } from './forge-config.js';

const apis = { github: '/api/v3', gitlab: '/api/v4', gitea: '/api/v1' } as const;
const plays = { github: playGithub, gitlab: playGitlab, gitea: playGitea };
const patient = { timeout: 10_000, interval: 10 };
const sha = (digit: string) => digit.repeat(40);
const now = new Date('2026-11-23T11:00:00Z');
const claim: Approval = { kind: 'claim', name: 'Eve', trailer: 'Approved-by' };

let folder: string;
let database: Database;
let policies: PolicyStore;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-approvals-'));
  database = await Database.open(join(folder, 'cordon.db'));
  policies = new PolicyStore(database);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function asking(kind: keyof typeof apis, change: Partial<ForgeTarget> = {}) {
  const forge = plays[kind]();
  await forge.start();
  ends.push(() => forge.stop());
  const { token, project } = forge;
  const target = { kind, api: forge.url + apis[kind], project, token, context: 'cordon/production', targetUrl: null };
  const clock = { at: now, now: () => clock.at };
  const asker = new ApprovalAsker(
    { database, clock, random: () => 0, log: new Log(() => undefined) },
    { ...target, ...change },
    { idle: 2, timeout: 5000, firstRetry: 2, lastRetry: 5, late: 300_000, useless: 86_400_000 },
  );
  await asker.start();
  ends.push(() => asker.stop());
  const settled = (state: object) => vi.waitFor(async () => expect(await asker.state()).toMatchObject(state), patient);
  return { forge, clock, settled };
}

/** It came into force. */
const activate = (digit: string) =>
  policies.activate({
    commit: {
      commit: sha(digit),
      author: 'Ada',
      committedAt: now.toISOString(),
      message: digit,
      tag: null,
      claims: [],
      rewritten: false,
    },
    approvals: [claim],
    digest: `digest of ${digit}`,
    encoded: {},
    files: new Map(),
    diagnostics: [],
    at: now,
    actor: 'system',
  });

const review = (by: string | null, says: PlayedReview['says'], of = sha('f')): PlayedReview => ({
  by,
  says,
  of,
  at: '2026-11-23T10:00:00Z',
});

const named = async (digit: string): Promise<string[]> =>
  (await policies.newestOf(sha(digit)))!.approvals.flatMap((each) =>
    each.kind === 'forge' ? `${each.name}${each.isEarlier ? ' earlier' : ''}` : [],
  );

describe.each(['github', 'gitlab', 'gitea'] as const)('%s', (kind) => {
  it('says who approved the pull request that a commit came by: what an account said last counts', async () => {
    const { forge, settled } = await asking(kind);
    forge.commits.add(sha('a'));
    forge.merges.push(
      { number: 6, commits: [sha('a')], head: sha('e'), isMerged: false, reviews: [review('open', 'approves')] },
      {
        number: 7,
        commits: [sha('a')],
        head: sha('f'),
        isMerged: true,
        reviews: [
          review('bob', 'wants changes'),
          review('carol', 'approves'),
          review('dave', 'approves'),
          review('bob', 'approves'),
          review('carol', 'wants changes'),
          review('dave', 'was dismissed'),
          review('bob', 'remarks'),
          review(null, 'approves'),
        ],
      },
    );
    await activate('a');
    await settled({ sent: 1, waiting: 0, failed: 0 });
    expect(await named('a')).toEqual(['bob']);
    const { approvals, asked } = (await policies.newestOf(sha('a')))!;
    expect(approvals[0]).toEqual(claim);
    expect(approvals[1]).toMatchObject({ kind: 'forge', at: '2026-11-23T10:00:00.000Z' });
    expect(asked).toMatchObject({ at: now.toISOString(), problem: null });
    expect(asked?.pull).toMatch(/^https:\/\/forge\.test\/clinic\/policy\/.*7$/);
  });

  it('may know of no pull request', async () => {
    const { forge, settled } = await asking(kind);
    forge.commits.add(sha('a'));
    await activate('a');
    await settled({ sent: 1, waiting: 0, failed: 0 });
    expect((await policies.newestOf(sha('a')))!.asked).toMatchObject({ pull: null, problem: null });
    expect(await named('a')).toEqual([]);
  });

  it('is asked again until it answers, in order, and policy does not wait for it', async () => {
    const { forge, settled } = await asking(kind);
    forge.mode = 'fails';
    for (const digit of ['a', 'b']) {
      forge.commits.add(sha(digit));
      const reviews = [review(`who approved ${digit}`, 'approves')];
      forge.merges.push({
        number: digit === 'a' ? 1 : 2,
        commits: [sha(digit)],
        head: sha('f'),
        isMerged: true,
        reviews,
      });
      await activate(digit);
    }
    await vi.waitFor(() => expect(forge.log.length).toBeGreaterThan(2), patient);
    expect((await policies.newestOf(sha('b')))!.status).toBe('active');
    expect((await policies.newestOf(sha('a')))!.asked).toBeNull();
    forge.mode = 'serves';
    await settled({ sent: 2, waiting: 0 });
    expect([await named('a'), await named('b')]).toEqual([['who approved a'], ['who approved b']]);
  });

  it('with another token is asked until a day has passed', async () => {
    const { clock, settled } = await asking(kind, { token: 'another-token' });
    await activate('a');
    await vi.waitFor(async () => await settled({ waiting: 1, dropped: 0 }), patient);
    clock.at = new Date(now.getTime() + 86_400_001);
    await settled({ waiting: 0, dropped: 1 });
    expect((await policies.newestOf(sha('a')))!.asked).toBeNull();
  });
});

it.each(['github', 'gitea'] as const)('%s tells what was approved before the last push', async (kind) => {
  const { forge, settled } = await asking(kind);
  forge.commits.add(sha('a'));
  const many = Array.from({ length: 70 }, (_, i) => review(`remark ${i}`, 'remarks'));
  const reviews = [...many, review('bob', 'approves', sha('e')), review('carol', 'approves')];
  forge.merges.push({ number: 7, commits: [sha('a')], head: sha('f'), isMerged: true, reviews });
  await activate('a');
  await settled({ sent: 1 });
  expect(await named('a')).toEqual(['bob earlier', 'carol']);
});

it('gives up a commit that GitHub does not have, and says so', async () => {
  const { settled } = await asking('github');
  await activate('a');
  await settled({ waiting: 0, dropped: 1 });
  expect((await policies.newestOf(sha('a')))!.asked?.problem).toContain('No commit found');
});

it('is not enqueued for where no forge is to be asked', async () => {
  await activate('a');
  const { settled } = await asking('github');
  await settled({ waiting: 0, sent: 0 });
});
