import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceFault, type Commit } from '#gitops';
import { noWorkloads } from '#policy';
import { policyFiles } from '#testkit';
import { Database } from '../store/database.js';
import { Wakeups } from '../wakeups.js';
import { NotedChanges } from './noted-changes.js';
import { PolicyLoop } from './policy-loop.js';
import { PolicyStore } from './policy-store.js';

const sha = (letter: string): string => letter.repeat(40);
const stages =
  'stages: [{ name: canary, devices: ["00:1a:00:00:00:01"], soakMinutes: 10 }, { name: all, sites: [main] }]\n';
const opening = (port: number, when = 'always'): Record<string, string> => ({
  'catalog/applications-more.yaml': `more: { ports: [tcp/${port}] }\n`,
  'rules/more.csv': `p, infusion-pump, library-1, more, allow, ${when}, "more"\n`,
});
/** Each opens another port. */
const contents: Readonly<Record<string, ReadonlyMap<string, string>>> = Object.fromEntries(
  ['a', 'b', 'c', 'd'].map((letter, i) => [sha(letter), policyFiles(opening(9000 + i))]),
);

let folder: string;
let database: Database;
/** What the repository is. */
let git: { head: string; isThere: boolean; files: Map<string, ReadonlyMap<string, string>>; signer: string | null };
let now: Date;
const open: PolicyLoop[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-back-'));
  database = await Database.open(join(folder, 'cordon.db'));
  git = { head: sha('a'), isThere: true, files: new Map(Object.entries(contents)), signer: null };
  now = new Date('2026-11-23T11:00:00Z');
});

afterEach(async () => {
  for (const loop of open.splice(0)) await loop.stop();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const away = (): never => {
  throw new SourceFault('timeout', 'the repository does not answer', 'wait');
};
const source = {
  fetch: async (): Promise<Commit> => {
    if (!git.isThere) away();
    const about = { author: 'Ada', committedAt: '2026-11-23T10:00:00Z', message: `change ${git.head[0]}` };
    const claims = [{ trailer: 'Approved-by', name: 'Bob' }];
    return { commit: git.head, ...about, tag: null, claims, rewritten: false };
  },
  verify: async () => git.signer,
  readTree: async (commit: string) => new Map(git.files.get(commit) ?? away()),
};
const log = { debug() {}, info() {}, warn() {}, error() {} };
const workloads = { load: async () => noWorkloads, save: async () => undefined };
const seen = { lastAuthentication: 0, denied: {}, acknowledged: { refused: 0, rejected: 0, missing: 0 } };

async function start(): Promise<{ loop: PolicyLoop; store: PolicyStore }> {
  const store = new PolicyStore(database);
  const ports = { source, store, workloads, baseline: async () => seen, wakeups: new Wakeups() };
  const loop = new PolicyLoop(
    { ...ports, clock: { now: () => now }, log } as unknown as ConstructorParameters<typeof PolicyLoop>[0],
    { path: '', pollSeconds: 3600, sites: null },
  );
  await loop.start();
  await loop.sync('system', false);
  open.push(loop);
  return { loop, store };
}

async function push(loop: PolicyLoop, letter: string) {
  git.head = sha(letter);
  return loop.sync('system', false);
}

const inForce = ({ active }: PolicyLoop): string | undefined => active?.version.commit[0];
const back = (loop: PolicyLoop, to: string, isNow = false) =>
  loop.rollBack({ to, reason: 'pumps fail', actor: 'ada', isNow });

describe('a policy of before', () => {
  it('comes back, and what the branch says is not taken by a look, by force, or after a restart', async () => {
    const { loop } = await start();
    await push(loop, 'b');
    expect(await back(loop, sha('a').slice(0, 7))).toMatchObject({
      status: 'active',
      commit: sha('a'),
      from: sha('b'),
    });
    const held = { status: 'rolled-back', commit: sha('b'), diagnostics: [{ code: 'rolled-back' }] };
    expect(await loop.sync('system', false)).toMatchObject(held);
    expect(await loop.sync('ada', true)).toMatchObject(held);
    expect(inForce(loop)).toBe('a');
    const { loop: again } = await start();
    expect(inForce(again)).toBe('a');
    expect(again.hold).toMatchObject({ toCommit: sha('a'), fromCommit: sha('b'), actor: 'ada', reason: 'pumps fail' });
    expect(await again.sync('ada', true)).toMatchObject(held);
  });

  it('stays until another commit comes, and that one may be refused', async () => {
    const { loop, store } = await start();
    await push(loop, 'b');
    await back(loop, 'previous');
    git.files.set(sha('c'), policyFiles({ 'rules/more.csv': 'p, nobody, internet, https, allow, always, x' }));
    expect(await push(loop, 'c')).toMatchObject({ status: 'refused' });
    expect(await push(loop, 'b')).toMatchObject({ status: 'rolled-back' });
    expect(await push(loop, 'd')).toMatchObject({ status: 'active', changed: true });
    expect([inForce(loop), loop.hold, await store.hold()]).toEqual(['d', null, null]);
    // The person's word was about what was known then.
    expect(await push(loop, 'b')).toMatchObject({ status: 'active', changed: true });
  });

  it('is no more than what the branch says where that goes back, too', async () => {
    const { loop } = await start();
    await push(loop, 'b');
    await back(loop, 'previous');
    expect(await push(loop, 'a')).toMatchObject({ status: 'active', changed: false });
    expect(loop.hold).toBeNull();
  });

  it('is left for what the branch says when a person wants that', async () => {
    const { loop } = await start();
    await push(loop, 'b');
    await back(loop, 'previous');
    expect(await loop.sync('ada', true, true)).toMatchObject({ status: 'active', commit: sha('b'), changed: true });
    expect([inForce(loop), loop.hold]).toEqual(['b', null]);
    // Back and forth as often as it takes.
    await back(loop, 'previous');
    expect(inForce(loop)).toBe('a');
    await back(loop, sha('b'));
    expect([inForce(loop), loop.hold]).toEqual(['b', null]);
  });

  it('goes further back from there, and all that came later stays away', async () => {
    const { loop } = await start();
    for (const letter of ['b', 'c']) await push(loop, letter);
    await back(loop, sha('b'));
    await back(loop, sha('a'));
    expect(inForce(loop)).toBe('a');
    for (const letter of ['c', 'b']) expect(await push(loop, letter)).toMatchObject({ status: 'rolled-back' });
  });

  it('is judged as of now: one whose rules have an end by which a test fails does not come back', async () => {
    git.files.set(
      sha('a'),
      policyFiles({
        ...opening(9000, 'until 2026-11-30'),
        'tests/more.yaml': 'tests:\n  - { name: more, from: infusion-pump, to: library-1, app: more, expect: allow }\n',
      }),
    );
    const { loop } = await start();
    await push(loop, 'b');
    now = new Date('2026-12-24T11:00:00Z');
    await expect(back(loop, 'previous')).rejects.toMatchObject({
      code: 'unprocessable',
      diagnostics: [{ code: 'policy-test-failed' }],
    });
    expect([inForce(loop), loop.hold]).toEqual(['b', null]);
  });

  it('comes from the mirror, from what is kept, or from the repository; else it says why not', async () => {
    const { loop } = await start();
    for (const letter of ['b', 'c']) await push(loop, letter);
    git.isThere = false;
    git.files.clear();
    await expect(back(loop, sha('a'))).rejects.toMatchObject({ code: 'unavailable' });
    await back(loop, sha('b'));
    expect(inForce(loop)).toBe('b');
  });

  it('is in force again after an upgrade that does not read what was stored', async () => {
    const { loop } = await start();
    await push(loop, 'b');
    await back(loop, 'previous');
    await loop.stop();
    await database.transaction((tx) => tx.query(`UPDATE active_policy SET snapshot = '{"format": 0}'`));
    const { loop: again } = await start();
    expect(inForce(again)).toBe('a');
    expect(again.hold).not.toBeNull();
  });
});

describe('by stages', () => {
  beforeEach(() => {
    for (const [commit, files] of Object.entries(contents))
      git.files.set(commit, new Map([...files, ['network/rollout.yaml', stages]]));
  });

  it('it is a rollout, which neither the commit in force nor a restart ends', async () => {
    const { loop, store } = await start();
    await push(loop, 'b');
    await loop.promote('system', null);
    expect(await back(loop, 'previous')).toMatchObject({ status: 'staged', commit: sha('a'), from: sha('b') });
    expect([inForce(loop), loop.staged?.version.commit]).toEqual(['b', sha('a')]);
    expect(await loop.sync('ada', true)).toMatchObject({ status: 'rolled-back' });
    const { loop: again } = await start();
    expect(await again.sync('ada', true)).toMatchObject({ status: 'rolled-back' });
    expect(again.staged?.version.commit).toBe(sha('a'));
    await again.promote('system', null);
    expect([inForce(again), (await again.sync('ada', true)).status]).toEqual(['a', 'rolled-back']);
    expect((await store.newestOf(sha('b')))?.status).toBe('withdrawn');
  });

  it('--now does not wait for them', async () => {
    const { loop } = await start();
    await push(loop, 'b');
    await loop.promote('system', null);
    expect(await back(loop, 'previous', true)).toMatchObject({ status: 'active' });
    expect([inForce(loop), loop.staged]).toEqual(['a', null]);
  });

  it('a rollback that is taken back is none', async () => {
    const { loop, store } = await start();
    await push(loop, 'b');
    await loop.promote('system', null);
    await back(loop, 'previous');
    await loop.withdraw('a gate stopped it', 'system');
    expect([inForce(loop), loop.hold, await store.hold()]).toEqual(['b', null, null]);
    expect(await loop.sync('ada', true)).toMatchObject({ status: 'active', changed: false });
  });

  it('a rollout that is under way is over, and neither it nor what waits for it is taken', async () => {
    const { loop, store } = await start();
    await push(loop, 'b');
    expect(await push(loop, 'c')).toMatchObject({ status: 'waiting' });
    expect(await back(loop, 'previous')).toMatchObject({ status: 'active', commit: sha('a'), from: sha('b') });
    expect([inForce(loop), loop.staged]).toEqual(['a', null]);
    for (const letter of ['c', 'b']) expect(await push(loop, letter)).toMatchObject({ status: 'rolled-back' });
    expect((await store.newestOf(sha('c')))?.status).toBe('withdrawn');
    const { loop: again } = await start();
    expect([inForce(again), again.staged]).toEqual(['a', null]);
  });
});

describe('the history', () => {
  const told = async (store: PolicyStore): Promise<string[]> => {
    const rows = await store.periods.list(100, null);
    const versions = await store.versionsById(rows.map(({ version }) => version));
    return rows
      .toReversed()
      .map(({ how, scope, version, until, actor }) =>
        [how, versions.get(version)!.commit[0], scope === 'stages' ? 'in stages' : '', until ? '' : 'now', actor]
          .filter(Boolean)
          .join(' '),
      );
  };

  it('has each time that a policy came into force', async () => {
    for (const letter of ['a', 'b', 'c'])
      git.files.set(sha(letter), new Map([...contents[sha(letter)]!, ['network/rollout.yaml', stages]]));
    const { loop, store } = await start();
    await push(loop, 'b');
    await loop.promote('ada', 'looks good');
    await push(loop, 'c');
    await loop.withdraw('it does not', 'bob');
    await back(loop, sha('a'));
    await loop.promote('system', null);
    expect(await told(store)).toEqual([
      'activate a system',
      'stage b in stages system',
      'promote b ada',
      'stage c in stages system',
      'withdraw b bob',
      'roll-back a in stages ada',
      'promote a now system',
    ]);
  });

  it('has who signed, what the message claims, and what changed, worked out afterwards', async () => {
    git.signer = 'ada@example.org';
    const { loop, store } = await start();
    await push(loop, 'b');
    await back(loop, 'previous');
    expect((await store.newestOf(sha('b')))?.approvals).toEqual([
      { kind: 'signature', name: 'ada@example.org' },
      { kind: 'claim', name: 'Bob', trailer: 'Approved-by' },
    ]);
    const changes = new NotedChanges({ store, source, workloads, wakeups: new Wakeups(), log: log as never }, '');
    changes.start();
    await changes.stop();
    // What was stopped goes on with the next start.
    const next = new NotedChanges({ store, source, workloads, wakeups: new Wakeups(), log: log as never }, '');
    next.start();
    await expect.poll(() => store.periods.nextUnknown(), { timeout: 20_000 }).toBeNull();
    const rows = (await store.periods.list(10, null)).toReversed();
    expect(rows.map(({ change }) => change)).toMatchObject([
      null,
      { opened: 1, closed: 1, classes: ['infusion-pump'] },
      { opened: 1, closed: 1, classes: ['infusion-pump'] },
    ]);
    const plan = await next.planOf(rows[1]!.id);
    expect(plan.flows.map(({ change, services }) => `${change} ${services.ports.join()}`).sort()).toEqual([
      'closed tcp/9000',
      'opened tcp/9001',
    ]);
    await expect(next.planOf(rows[0]!.id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(next.planOf(99)).rejects.toMatchObject({ code: 'not-found' });
    await next.stop();
  });
});
