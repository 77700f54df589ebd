import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Diagnostic } from '#base';
import { forgeBox, Outbox } from '../outbox/outbox.js';
import { PolicyStore } from '../policy/policy-store.js';
import { RolloutStore } from '../rollouts/rollout-store.js';
import { Database } from '../store/database.js';
import type { RolloutRow } from '../store/rows.js';
import { tellNewest, type CommitStatus } from './commit-status.js';

const at = new Date('2026-11-23T11:00:00Z');
const gates = {} as RolloutRow['rules']['gates'];
const stage = (name: string) => ({ name, sites: [], devices: [], soakSeconds: 60 });
const rules = { stages: [stage('canary'), stage('everywhere')], gates } as unknown as RolloutRow['rules'];
const seen = {} as RolloutRow['seen'];
let folder: string;
let database: Database;
let policies: PolicyStore;
let rollouts: RolloutStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-standing-'));
  database = await Database.open(join(folder, 'cordon.db'));
  [policies, rollouts] = [new PolicyStore(database), new RolloutStore(database)];
  await new Outbox(database, forgeBox).setHeard(true);
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const judged = (commit: string, diagnostics: Diagnostic[] = []) => ({
  commit: {
    commit,
    author: 'Ada',
    committedAt: at.toISOString(),
    message: commit,
    tag: null,
    claims: [],
    rewritten: false,
  },
  approvals: [],
  digest: `digest of ${commit}`,
  encoded: {},
  files: new Map<string, string>(),
  diagnostics,
  at,
  actor: 'system',
});
const error = (line: number): Diagnostic => ({
  severity: 'error',
  code: 'unknown-name',
  summary: '`infusion-pmup` is not declared',
  hint: 'declare it',
  span: { file: 'rules/flows.csv', line, column: 4 },
});

/** What waits for the forge since the last time, as `commit state: text`. */
async function told(): Promise<string[]> {
  const outbox = new Outbox(database, forgeBox);
  const found: string[] = [];
  for (let next = await outbox.next(); next; next = await outbox.next()) {
    const { commit, state, description } = JSON.parse(next.body) as CommitStatus;
    found.push(`${commit} ${state}: ${description}`);
    await outbox.remove(next.number);
  }
  return found;
}

/** What was judged of that commit comes back; the newest commit is held. */
async function backTo(commit: string, begun: Parameters<PolicyStore['rollBack']>[0]['begun']): Promise<void> {
  const { commit: _, approvals: __, ...rest } = judged(commit);
  const version = (await policies.newestOf(commit))!;
  const [newest] = await policies.versions(1, null);
  const held = [newest!.commit];
  await policies.rollBack({ ...rest, version, reason: 'printers are down', actor: 'ada', held, begun });
}

const stageCommit = (commit: string) => policies.stage(judged(commit), { rules, fromDigest: 'x', seen });

async function change(values: Parameters<RolloutStore['change']>[1]): Promise<void> {
  await rollouts.change((await rollouts.current())!, values, { actor: 'ada', action: 'rollout.x' }, at);
}

describe('a commit', () => {
  it('is in force', async () => {
    await policies.activate(judged('a'));
    expect(await told()).toEqual(['a success: in force everywhere']);
  });

  it('is rolled out stage by stage, until it is in force', async () => {
    await stageCommit('a');
    await change({ status: 'paused', reason: 'lunch' });
    await change({ status: 'running', stage: 1, reason: null });
    await change({ status: 'halted', reason: '2 of 5 were refused' });
    await policies.promote(at, { actor: 'ada', reason: null });
    expect(await told()).toEqual([
      'a pending: rolling out, stage canary (1 of 2)',
      'a pending: paused, stage canary (1 of 2): lunch',
      'a pending: rolling out, stage everywhere (2 of 2)',
      'a pending: halted by a gate, stage everywhere (2 of 2): 2 of 5 were refused',
      'a success: in force everywhere',
    ]);
  });

  it('is taken back, while it is rolled out and when it was in force', async () => {
    await policies.activate(judged('a'));
    await stageCommit('b');
    await policies.withdraw('pumps lose their gateway', 'ada', at);
    await policies.activate(judged('c'));
    await backTo('a', null);
    expect((await told()).slice(2)).toEqual([
      'b failure: taken back: pumps lose their gateway',
      'c success: in force everywhere',
      'c failure: taken back: rolled back to a: printers are down',
      'a success: in force everywhere',
    ]);
  });

  it('is gone back from stage by stage: both commits say so', async () => {
    await policies.activate(judged('a'));
    await policies.activate(judged('b'));
    await told();
    await backTo('a', { rules, fromDigest: 'x', seen });
    await policies.promote(at, { actor: 'system', reason: null });
    expect(await told()).toEqual([
      'a pending: rolling out, stage canary (1 of 2)',
      'b pending: being rolled back to a: printers are down',
      'b failure: taken back: rolled back to a: printers are down',
      'a success: in force everywhere',
    ]);
    await backTo('b', { rules, fromDigest: 'x', seen });
    await told();
    await policies.withdraw('a gate stopped it', 'system', at);
    expect(await told()).toEqual(['b failure: taken back: a gate stopped it', 'a success: in force everywhere']);
    expect(await policies.hold()).toBeNull();
  });

  it('is refused: with file and line of what is wrong first, once', async () => {
    const warning = { ...error(1), severity: 'warning' } as const;
    await policies.refuse(judged('a', [warning, error(14)]));
    await policies.refuse(judged('a', [error(14)]));
    await policies.refuse(judged('b', [error(14), error(15)]));
    const first = 'rules/flows.csv:14:4: error unknown-name: `infusion-pmup` is not declared';
    expect(await told()).toEqual([`a failure: refused: ${first}`, `b failure: refused, 2 errors: ${first}`]);
  });

  it('waits for a rollout, and is overtaken by another one', async () => {
    await policies.wait(judged('a'));
    await policies.wait(judged('b'));
    await stageCommit('b');
    expect(await told()).toEqual([
      'a pending: waits for the rollout that is under way',
      'a failure: never in force: b came while it waited',
      'b pending: waits for the rollout that is under way',
      'b pending: rolling out, stage canary (1 of 2)',
    ]);
  });
});

describe('the newest commit, told again', () => {
  const newest = async (): Promise<string[]> => {
    await told();
    await database.transaction((tx) => tellNewest(tx, at));
    return told();
  };

  it('stands as it stands', async () => {
    expect(await newest()).toEqual([]);
    await policies.activate(judged('a'));
    expect(await newest()).toEqual(['a success: in force everywhere']);
    await stageCommit('b');
    await change({ stage: 1 });
    expect(await newest()).toEqual(['b pending: rolling out, stage everywhere (2 of 2)']);
    await policies.withdraw('no', 'ada', at);
    expect(await newest()).toEqual(['b failure: taken back: no']);
    await policies.wait(judged('c'));
    expect(await newest()).toEqual(['c pending: waits for the rollout that is under way']);
    await policies.refuse(judged('d', [error(3)]));
    expect((await newest())[0]).toMatch(/^d failure: refused: rules\/flows\.csv:3:4/);
  });

  it('says that it was gone back from', async () => {
    await policies.activate(judged('a'));
    await policies.activate(judged('b'));
    await backTo('a', null);
    expect(await newest()).toEqual(['b failure: taken back: rolled back to a: printers are down']);
  });
});
