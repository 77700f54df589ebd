import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { policyFiles } from '#testkit';
import { PolicyRepository } from '../../../../test/e2e/tiny-policy.js';
import type { Environment } from '../ci/pipeline.js';
import type { CiResult } from '../ci/report.js';
import { readPolicyFolder } from '../policy-files.js';
import { ci, type CiOptions } from './ci.js';

const rules = 'policies/rules/flows.csv';
/** A Tuesday, 13:30 at every site. */
const at = '2026-11-24T12:30:00Z';
const home = process.cwd();
const printed: string[] = [];
let folder: string;
let repository: PolicyRepository;
let base: string;

const git = (...args: string[]): string => repository.git(...args);

function commit(file: string, change: (text: string) => string): string {
  const path = join(folder, file);
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const changed = change(text);
  if (changed === text) throw new Error(`${file} does not change`);
  writeFileSync(path, changed);
  git('add', '-A');
  git('commit', '-qm', 'a change');
  return git('rev-parse', 'HEAD');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-ci-'));
  repository = new PolicyRepository(folder);
  base = repository.commit(
    Object.fromEntries([...policyFiles()].map(([file, text]) => [`policies/${file}`, text])),
    'the policy',
  );
  process.chdir(folder);
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
});
afterAll(() => {
  vi.restoreAllMocks();
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  printed.length = 0;
  git('checkout', '-q', '-B', 'change', base);
});

const out = () => join(folder, '.git', 'out');
const run = (options: Partial<CiOptions> = {}, env: Environment = {}): number =>
  ci({ policy: 'policies', out: out(), at, base, ...options }, env);
const result = (): CiResult => JSON.parse(readFileSync(join(out(), 'result.json'), 'utf8')) as CiResult;
const written = (name: string): string => readFileSync(join(out(), name), 'utf8');

const opensPumps = (text: string): string => `${text}p, infusion-pump, remediation, https, allow, always, x
`;
const note = (text: string): string => `${text}# a note\n`;

describe('cordon ci', () => {
  it('is 0 where nothing needs approval, and writes every file', () => {
    commit(rules, note);
    expect(run()).toBe(0);
    expect(result()).toMatchObject({ outcome: 'good', exitCode: 0, needed: [] });
    for (const name of ['plan.md', 'plan.sarif', 'plan.junit.xml', 'plan.json']) expect(written(name)).not.toBe('');
    expect(written('plan.md')).toMatch(/^\*\*nothing in this change needs approval\*\*/);
    const sarif = JSON.parse(written('plan.sarif')) as {
      version: string;
      runs: { tool: object; results: unknown[] }[];
    };
    expect(sarif).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'cordon' } }, results: [] }] });
  });

  it('is 3 where a life-critical class is touched, and says how to approve this change', () => {
    commit(rules, opensPumps);
    expect(run()).toBe(3);
    const { change, needed } = result();
    expect(needed.map(({ kind }) => kind)).toEqual(['life-critical']);
    expect(printed.join('')).toContain(`cordon-approved:${change}`);
    expect(written('plan.md')).toContain(`cordon-approved:${change}`);
  });

  it('is 0 once this change is approved, and 3 again when the change is another', () => {
    commit(rules, opensPumps);
    expect(run({ approved: true })).toBe(0);
    expect(printed.join('')).toContain('approved by --approved');
    const event = join(folder, '.git', 'event.json');
    const runWith = (label: string): number => {
      const head = git('rev-parse', 'HEAD');
      const repo = { full_name: 'hospital/policy' };
      const pull = { number: 1, base: { sha: base, repo }, head: { sha: head, repo }, labels: [{ name: label }] };
      writeFileSync(event, JSON.stringify({ pull_request: pull }));
      const env = {
        GITHUB_ACTIONS: 'true',
        GITHUB_EVENT_PATH: event,
        GITHUB_SHA: head,
        GITHUB_REPOSITORY: 'hospital/policy',
      };
      return ci({ policy: 'policies', out: out(), at }, env);
    };
    const label = `cordon-approved:${result().change}`;
    expect(runWith(label)).toBe(0);
    expect(result()).toMatchObject({ outcome: 'approved', approvedBy: `label \`${label}\`` });
    commit(rules, (text) => `${text}p, infusion-pump, remediation, web, allow, always, y\n`);
    expect(runWith(label)).toBe(3);
  });

  it('is 1 where a test of the policy breaks, whoever approves', () => {
    commit(rules, (text) => text.replace(/^p, infusion-pump, drug-library, https.*\n/m, ''));
    expect(run({ approved: true })).toBe(1);
    expect(result().outcome).toBe('tests-broken');
    expect(written('plan.junit.xml')).toContain('<failure');
  });

  it('is 1 where the policy is refused, with file and line in every format', () => {
    commit(rules, (text) => `${text}p, nobody, ehr, https, allow, always, x\n`);
    expect(run({ approved: true })).toBe(1);
    expect(result()).toMatchObject({ outcome: 'refused', summary: null });
    for (const name of ['plan.md', 'plan.junit.xml', 'plan.json', 'plan.sarif'])
      expect(written(name)).toContain('rules/flows.csv');
    const { runs } = JSON.parse(written('plan.sarif')) as { runs: { results: object[] }[] };
    const artifactLocation = { uri: 'policies/rules/flows.csv' };
    for (const found of runs[0]!.results)
      expect(found).toMatchObject({
        level: 'error',
        ruleId: 'unknown-name',
        locations: [{ physicalLocation: { artifactLocation, region: { startLine: 5 } } }],
      });
    expect(runs[0]!.results).toHaveLength(2);
  });

  it('needs approval where the policy before is refused, so that it can be mended', () => {
    const broken = commit(rules, (text) => `${text}p, nobody, ehr, https, allow, always, x\n`);
    commit(rules, (text) => text.replace('p, nobody, ehr, https, allow, always, x\n', ''));
    expect(run({ base: broken })).toBe(3);
    expect(result().outcome).toBe('unplanned');
    expect(run({ base: broken, approved: true })).toBe(0);
  });

  it('asks for what --require-approval names', () => {
    commit(rules, opensPumps);
    expect(run({ requireApproval: 'internet' })).toBe(0);
    expect(run({ requireApproval: 'any' })).toBe(3);
    expect(run({ requireApproval: 'none' })).toBe(0);
  });

  it('compares with where the change began, not with what others merged since', () => {
    commit(rules, note);
    git('checkout', '-q', '-B', 'others', base);
    const tip = commit(rules, opensPumps);
    git('checkout', '-q', 'change');
    expect(run({ base: tip })).toBe(0);
    expect(result().base).toBe(base);
  });

  it('reads commits, and no folder of the change that has the name of one', () => {
    commit(rules, opensPumps);
    mkdirSync(join(folder, `${base}:policies`));
    cpSync(join(folder, 'policies'), join(folder, `${base}:policies`), { recursive: true });
    git('add', '-A');
    git('commit', '-qm', 'hostile');
    expect(run()).toBe(3);
    rmSync(join(folder, `${base}:policies`), { recursive: true });
    writeFileSync(join(folder, rules), 'not committed');
    expect(run()).toBe(3);
    git('checkout', '-q', '-f', 'HEAD');
  });

  it.each(['rules/node_modules/x.csv', 'rules/deep/node_modules/x.csv'])(
    'leaves out nothing that a controller would read: %s',
    (path) => {
      const file = `policies/${path}`;
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      commit(file, opensPumps);
      expect(run()).toBe(3);
      expect(written('plan.md')).toContain(path);
      expect(readPolicyFolder(join(folder, 'policies')).has(path)).toBe(true);
    },
  );

  it('gives a runner no commands that stand in the policy', () => {
    commit(
      'policies/tests/hostile.yaml',
      () =>
        'tests:\n  - { name: "x\\n::add-mask::y", from: infusion-pump, to: drug-library, app: https, expect: deny }\n',
    );
    expect(run()).toBe(1);
    expect(printed.join('')).toContain('add-mask');
    expect(printed.join('')).not.toMatch(/^\s*::/m);
  });

  it('keeps plan.md below --max-bytes', () => {
    const more = Array.from({ length: 300 }, (_, i) => `p, infusion-pump, server-${i}, https, allow, always, x\n`);
    commit(rules, (text) => text + more.join(''));
    expect(run({ maxBytes: '9000' })).toBe(1);
    expect(written('plan.md')).toContain('Cut to fit');
    expect(Buffer.byteLength(written('plan.md'))).toBeLessThanOrEqual(9000);
    expect(() => run({ maxBytes: '2000' })).toThrow(/--max-bytes/);
  });

  it('adds plan.md to the page of the run', () => {
    commit(rules, note);
    const summary = join(folder, '.git', 'summary.md');
    const event = join(folder, '.git', 'push.json');
    writeFileSync(event, JSON.stringify({ before: base }));
    const env = {
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_PATH: event,
      GITHUB_SHA: git('rev-parse', 'HEAD'),
      GITHUB_REPOSITORY: 'hospital/policy',
      GITHUB_STEP_SUMMARY: summary,
    };
    expect(ci({ policy: 'policies', out: out(), at }, env)).toBe(0);
    expect(readFileSync(summary, 'utf8')).toBe(`${written('plan.md')}\n`);
  });

  it.each([
    [{ base: 'nowhere' }, /--base: `nowhere` is no commit.*fetch-depth/],
    [{ base: '--output=x' }, /is no commit/],
    [{ head: 'nowhere' }, /--head/],
    [{ requireApproval: 'hihg' }, /--require-approval/],
    [{ out: '/dev/null/out' }, /--out/],
  ])('%j is refused with what to do', (options, message) => {
    expect(() => run(options)).toThrow(message);
  });

  it('says what is missing where nothing says what to compare with', () => {
    expect(() => ci({ policy: 'policies', out: out(), at }, {})).toThrow(/give --base/);
  });
});
