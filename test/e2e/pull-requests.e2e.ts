import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { policyFiles } from '#testkit';
import { PolicyRepository } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const rules = 'policies/rules/flows.csv';
let folder: string;
let repository: PolicyRepository;

const git = (...args: string[]): string => repository.git(...args);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-shipped-'));
  repository = new PolicyRepository(folder);
  repository.commit(
    Object.fromEntries([...policyFiles()].map(([file, text]) => [`policies/${file}`, text])),
    'the policy',
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Job {
  readonly run?: string;
  readonly uses?: string;
  readonly env?: Record<string, string>;
}

/** Runs a shipped script in the policy repository, as a runner does. */
function runScript(script: string, env: Record<string, string> = {}) {
  const { PATH = '' } = process.env;
  const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH, CORDON_HOME: root, CORDON_BASE: 'main', CORDON_OUT: join(folder, '.git', 'out'), ...env },
  });
  return { code: status, text: stdout + stderr };
}

function change(line: string): void {
  git('checkout', '-q', '-B', 'change', 'main');
  writeFileSync(join(folder, rules), `${readFileSync(join(folder, rules), 'utf8')}${line}\n`);
  git('commit', '-qam', 'a change');
}

const harmless = '# a note';
const opens = 'p, infusion-pump, remediation, https, allow, always, x';
const planScript = `sh ${join(root, 'ci/plan.sh')}`;

describe('ci/plan.sh', () => {
  it('is 0 for a change without risk, and says why there is no comment', () => {
    change(harmless);
    const { code, text } = runScript(planScript);
    expect(text).toContain('nothing in this change needs approval');
    expect(text).toContain('no CORDON_FORGE_TOKEN');
    expect(code).toBe(0);
  });

  it('is 3 for one that needs approval, and hands its outcome on', () => {
    change(opens);
    const output = join(folder, '.git', 'output');
    writeFileSync(output, '');
    const { code } = runScript(planScript, { GITHUB_OUTPUT: output });
    expect(code).toBe(3);
    expect(readFileSync(output, 'utf8')).toMatch(/^change=[0-9a-f]{12}\noutcome=needs-approval\n$/);
    expect(runScript(planScript, { CORDON_REQUIRE_APPROVAL: 'internet' }).code).toBe(0);
  });

  it('is 1 for one that is refused, or where nothing could be read, whatever an earlier run left', () => {
    change('p, nobody, remediation, https, allow, always, x');
    expect(runScript(planScript).code).toBe(1);
    const { code, text } = runScript(planScript, { CORDON_BASE: 'nowhere' });
    expect(code).toBe(1);
    expect(text).toContain('`nowhere` is no commit');
    expect(text).not.toContain('no comment');
  });

  it('does not pass for good when its comment could not be written', () => {
    change(harmless);
    const { code, text } = runScript(planScript, { CORDON_FORGE_TOKEN: 'x' });
    expect(text).toContain('only its comment could not be written');
    expect(code).toBe(1);
  });
});

describe('what is shipped for forges', () => {
  it('the action runs the recipe, uses no other action, and puts no input into a script', () => {
    const action = parse(read('action.yml')) as { inputs: object; runs: { using: string; steps: Job[] } };
    expect(action.runs.using).toBe('composite');
    for (const { uses, run } of action.runs.steps) {
      expect(uses).toBeUndefined();
      expect(run).not.toContain('${{');
    }
    const { run, env } = action.runs.steps.at(-1)!;
    change(opens);
    const given = {
      CORDON_POLICY: 'policies',
      CORDON_INVENTORY: '',
      CORDON_REQUIRE_APPROVAL: '',
      CORDON_FORGE_TOKEN: '',
    };
    expect(new Set(Object.keys(env!))).toEqual(new Set([...Object.keys(given), 'CORDON_HOME', 'CORDON_OUT']));
    const script = run!.replace('$CORDON_HOME/ci', `${root}/ci`);
    expect(script).not.toBe(run);
    expect(runScript(script, given).code).toBe(3);
  });

  it('the GitLab job runs for merge requests only, and keeps everything', () => {
    const job = (
      parse(read('ci/gitlab.yml')) as Record<string, { script: string[]; rules: { if: string }[]; artifacts: object }>
    )['cordon-plan']!;
    expect(job.rules).toEqual([{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"' }]);
    expect(job.artifacts).toMatchObject({ when: 'always', reports: { junit: 'cordon-plan/plan.junit.xml' } });
    expect(runScript(job.script[0]!).text).toContain('set CORDON_REPOSITORY');
    expect(runScript(job.script[0]!, { CORDON_REPOSITORY: 'x', CORDON_COMMIT: 'y' }).code).toBe(0);
    change(opens);
    expect(runScript(job.script.at(-1)!.replace('$CORDON_HOME', root)).code).toBe(3);
  });

  it('the Forgejo workflow fetches without an action, and both outcomes come through', () => {
    const text = read('ci/forgejo.yml');
    const workflow = parse(text) as { on: object; permissions: object; jobs: { plan: { steps: Job[] } } };
    expect(Object.keys(workflow.on)).toEqual(['pull_request']);
    expect(workflow.permissions).toEqual({ contents: 'read', issues: 'write', 'pull-requests': 'write' });
    const { steps } = workflow.jobs.plan;
    for (const { uses, run } of steps) {
      expect(uses).toBeUndefined();
      expect(run).not.toContain('${{');
    }
    const script = steps.at(-1)!.run!.replace('/tmp/cordon', root);
    for (const [line, code] of [
      [harmless, 0],
      [opens, 3],
    ] as const) {
      change(line);
      expect(runScript(script).code).toBe(code);
    }
  });

  it('no file lets a stranger’s change run with a token that may write', () => {
    for (const file of ['action.yml', 'ci/gitlab.yml', 'ci/forgejo.yml', 'ci/plan.sh'])
      expect(read(file)).not.toMatch(/pull_request_target|workflow_run/);
  });

  it('the pre-commit hook is a command that exists', () => {
    const [hook] = parse(read('.pre-commit-hooks.yaml')) as { id: string; entry: string; files: string }[];
    expect(hook).toMatchObject({ id: 'cordon-check', entry: 'cordon check' });
    expect('policies/rules/a.csv').toMatch(new RegExp(hook!.files));
    git('checkout', '-q', '-f', 'main');
    expect(runScript(hook!.entry.replace('cordon', `node ${root}/bin/cordon.js`)).code).toBe(0);
  });
});
