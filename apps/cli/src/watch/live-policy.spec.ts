import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import { filesBeside, planChange } from '../commands/plan.js';
import { UsageError } from '../policy-files.js';
import { findBase } from './change-base.js';
import { LivePolicy, type LiveRun } from './live-policy.js';
import { liveJson, liveText } from './live-text.js';

const noon = new Date('2026-11-23T11:00:00Z');
const good = policyFiles();
const rules = 'rules/flows.csv';
const opened = new Map([
  ...good,
  [rules, `${good.get(rules)!}p, infusion-pump, drug-library, ping, allow, always, x\n`],
]);
const withPing = (files: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...files, ['catalog/applications-ping.yaml', 'ping: { ports: [icmp/8, icmp6/128] }\n']]);
const broken = new Map([...good, [rules, `${good.get(rules)!}p, nobody, drug-library, https, allow, always, x\n`]]);

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-live-'));
  folder = join(root, 'hospital');
  mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
  return execFileSync('git', ['-C', folder, ...identity, ...args], { encoding: 'utf8' }).trim();
}

function commit(files: ReadonlyMap<string, string>): string {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', 'policy');
  return git('rev-parse', 'HEAD');
}

function start(files: ReadonlyMap<string, string>): string {
  git('init', '-q', '-b', 'main', '.');
  return commit(files);
}

const live = (more: Partial<ConstructorParameters<typeof LivePolicy>[0]> = {}): LivePolicy =>
  new LivePolicy({ folder, base: null, at: null, ...more });

function summaryOf(run: LiveRun | null): unknown {
  if (!run || typeof run.plan === 'string' || !run.plan.ok) throw new Error(`no plan: ${JSON.stringify(run?.plan)}`);
  return run.plan.plan.summary;
}

describe('the base of a change', () => {
  it('is where the branch left main, or HEAD', () => {
    const first = start(good);
    expect(findBase(folder, null)).toEqual({ commit: first, prefix: '', words: 'HEAD' });
    git('checkout', '-q', '-b', 'change');
    commit(withPing(good));
    expect(findBase(folder, null)).toMatchObject({ commit: first, words: 'merge base of HEAD and main' });
    git('checkout', '-q', 'main');
    const other = commit(new Map([['README.md', 'x']]));
    git('checkout', '-q', 'change');
    expect(findBase(folder, null)).toMatchObject({ commit: first });
    git('update-ref', 'refs/remotes/origin/main', other);
    expect(findBase(folder, null)).toMatchObject({ commit: first, words: 'merge base of HEAD and origin/main' });
  });

  it('is of the folder in its repository, wherever we are', () => {
    start(new Map([...good].map(([path, text]) => [`policies/${path}`, text])));
    expect(findBase(join(folder, 'policies'), null)).toMatchObject({ prefix: 'policies/' });
  });

  it('is what is named, if that is known', () => {
    const first = start(good);
    commit(withPing(good));
    expect(findBase(folder, 'HEAD~1')).toMatchObject({ commit: first, words: 'merge base of HEAD and HEAD~1' });
    expect(() => findBase(folder, 'nowhere')).toThrow(UsageError);
    expect(() => findBase(folder, '--output=x')).toThrow('is no commit');
  });

  it('is missing outside of git, and before the first commit', () => {
    expect(findBase(folder, null)).toContain('is in no git repository');
    git('init', '-q', '-b', 'main', '.');
    expect(findBase(folder, null)).toContain('no commit yet');
  });
});

describe('a live policy', () => {
  it('plans as `cordon plan` does, whatever state came before', () => {
    start(withPing(good));
    const policy = live({ at: noon });
    for (const files of [withPing(good), withPing(opened), broken, withPing(opened)]) {
      const run = policy.run(files, noon)!;
      const planned = planChange({ place: 'a', files: withPing(good) }, { place: 'b', files }, noon, filesBeside({}));
      expect(run.checked.ok).toBe(planned.ok);
      if (planned.ok) expect(run.plan).toEqual(planned);
    }
  });

  it('names what was saved, and is silent when nothing was', () => {
    start(good);
    const policy = live();
    expect(policy.run(good, noon)!.saved).toEqual([]);
    expect(policy.run(new Map(good), noon)).toBeNull();
    expect(policy.run(broken, noon)!.saved).toEqual([rules]);
    const without = new Map(good);
    without.delete('tests/flows.yaml');
    expect(policy.run(without, noon)!.saved).toEqual([
      rules,
      ...(good.has('tests/flows.yaml') ? ['tests/flows.yaml'] : []),
    ]);
  });

  it('follows a commit: what it compares with is another policy then', () => {
    start(withPing(good));
    const policy = live();
    expect(summaryOf(policy.run(withPing(opened), noon))).toMatchObject({ opened: { high: 1 } });
    commit(withPing(opened));
    expect(summaryOf(policy.run(withPing(opened), noon))).toMatchObject({ opened: { high: 0, medium: 0, low: 0 } });
  });

  it('says why there is no plan: no git, no policy there, a base that is refused, a policy that is', () => {
    expect(live().run(good, noon)!.plan).toMatch(/is in no git repository: nothing to compare with/);
    start(new Map([['notes.txt', 'x']]));
    expect(live().run(good, noon)!.plan).toMatch(/HEAD has no policy in this folder/);
    commit(broken);
    expect(live().run(good, noon)!.plan).toMatchObject({ ok: false, diagnostics: [{ code: 'unknown-name' }] });
    commit(good);
    expect(live().run(broken, noon)!.plan).toBe('the policy does not load');
  });

  it('judges at one instant until a schedule, a date or the day changes something', () => {
    start(good);
    const policy = live();
    const at = (now: string, files: ReadonlyMap<string, string>): string =>
      policy.run(files, new Date(now))!.at.toISOString();
    expect(at('2026-11-23T11:00:00Z', good)).toBe('2026-11-23T11:00:00.000Z');
    expect(at('2026-11-23T11:05:00Z', broken)).toBe('2026-11-23T11:00:00.000Z');
    expect(at('2026-11-24T00:00:00Z', good)).toBe('2026-11-24T00:00:00.000Z');
  });

  it('goes on while the inventory is away', () => {
    start(good);
    const policy = live({ inventory: join(root, 'devices.csv') });
    expect(policy.run(good, noon)!.plan).toMatch(/devices\.csv` can't be read/);
    writeFileSync(join(root, 'devices.csv'), 'mac,class,site\n00:03:b1:4a:10:21,infusion-pump,main\n');
    expect(summaryOf(policy.run(good, noon))).toMatchObject({ devices: { total: 1 } });
  });
});

describe('what is shown of a run', () => {
  const shown = (run: LiveRun) => ({ ...run, folder: 'policies', seen: noon, took: 7 });

  it('is what is wrong, with place and remedy; else tests and plan', () => {
    start(withPing(good));
    const policy = live();
    const text = liveText(shown(policy.run(broken, noon)!), 100, 5);
    expect(text).toMatch(/rules\/flows\.csv:\d+:4: error unknown-name: `nobody` is not declared\n {4}\S/);
    expect(text).toContain('policy is refused: 1 error');
    expect(text).toContain('no plan: the policy does not load');
    const better = liveText(shown(policy.run(withPing(opened), noon)!), 100, 5);
    expect(better).toContain(', saved catalog/applications-ping.yaml, rules/flows.csv, against HEAD ');
    expect(better).toMatch(/tests?, \d+ invariants?: all hold/);
    expect(better).toMatch(/flows opened +1 high, 0 medium, 0 low risk/);
    expect(better).toContain('infusion-pump -> drug-library: ping');
  });

  it('has a test that fails, and the plan all the same', () => {
    start(good);
    const closed = new Map([...good, [rules, good.get(rules)!.replace(/^p, infusion-pump, drug-library.*\n/m, '')]]);
    const run = live().run(closed, noon)!;
    const text = liveText(shown(run), 100, 5);
    expect(text).toContain('error test-failed');
    expect(text).toContain('policy is refused');
    expect(text).toMatch(/flows closed +0 high|flows closed +[1-9]/);
    expect(liveJson(shown(run))).toMatchObject({
      ok: false,
      tests: { failures: 1 },
      plan: { changed: true },
      noPlan: null,
    });
  });
});
