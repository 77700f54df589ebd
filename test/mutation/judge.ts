import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import type { ScratchTree } from './scratch-tree.ts';

export interface Outcome {
  readonly fault: Fault;
  /** `broken`: the code with the fault does not even load, which proves nothing. `hung`: no end within the time limit. */
  readonly result: 'caught' | 'survived' | 'broken' | 'hung';
  readonly seconds: number;
  /** The test that noticed it, or why there is none. */
  readonly detail: string;
}

const minute = 60_000;
const isEndToEnd = (spec: string): boolean => spec.endsWith('.e2e.ts');

export async function judge(tree: ScratchTree, fault: Fault): Promise<Outcome> {
  const started = performance.now();
  const { file, find, replace, caughtBy } = fault;
  const limit = caughtBy.some(isEndToEnd) ? 10 * minute : 3 * minute;
  const report = await tree.withChange(file, find, replace, () => runSpecs(tree, caughtBy, limit));
  return { fault, ...resultOf(report), seconds: (performance.now() - started) / 1000 };
}

/** What is wrong with the specs of these faults while there is no fault; null: they are there and pass. */
export async function problemOf(tree: ScratchTree, faults: readonly Fault[]): Promise<string | null> {
  const specs = [...new Set(faults.flatMap(({ caughtBy }) => caughtBy))];
  if (specs.some(isEndToEnd)) tree.build(new Set(faults.map(({ file }) => file)));
  const report = await runSpecs(tree, specs, 60 * minute);
  if (report?.success && report.testResults.length === specs.length) return null;
  return resultOf(report).detail || 'some were not found';
}

/** What is used here of a report of vitest's JSON reporter. */
export interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    /** Of the file. */
    readonly name: string;
    readonly status: string;
    readonly message: string;
    /** Empty where the file did not load. */
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export function resultOf(report: Report | null): Pick<Outcome, 'result' | 'detail'> {
  if (!report) return { result: 'hung', detail: 'the specs did not end' };
  const failed = report.testResults.filter(({ status }) => status === 'failed');
  for (const { name, assertionResults, message } of failed) {
    const test = assertionResults.find(({ status }) => status === 'failed');
    if (test) return { result: 'caught', detail: test.fullName };
    // A hook that fails, such as one that compiles what the tests look at, leaves its tests skipped.
    // One of an end-to-end test starts the processes that the tests are about: without them nothing was noticed.
    if (assertionResults.length > 0)
      return {
        result: isEndToEnd(name) ? 'broken' : 'caught',
        detail: firstLine(message) || `a hook of ${name} failed`,
      };
  }
  const [unloaded] = failed;
  if (unloaded) return { result: 'broken', detail: firstLine(unloaded.message) };
  return report.success ? { result: 'survived', detail: '' } : { result: 'broken', detail: 'no test ran' };
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** Null: killed at the time limit. Property tests draw the same cases in each run, as in CI. */
async function runSpecs(tree: ScratchTree, specs: readonly string[], limit: number): Promise<Report | null> {
  const output = join(tree.path, 'report.json');
  rmSync(output, { force: true });
  const vitest = join(tree.path, 'node_modules/vitest/vitest.mjs');
  const projects = new Set(specs.map((spec) => `--project=${isEndToEnd(spec) ? 'e2e' : 'unit'}`));
  const args = ['run', ...projects, '--bail=1', '--maxWorkers=1', '--reporter=json', `--outputFile=${output}`];
  const child = spawn(process.execPath, [vitest, ...args, ...specs], {
    cwd: tree.path,
    // A build would refuse a fault that the types show.
    env: { ...process.env, CI: '1', CORDON_IS_BUILT: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    // Its workers too: one of them is what hangs.
    process.kill(-child.pid!, 'SIGKILL');
  }, limit);
  await new Promise<void>((resolve, reject) => child.once('close', () => resolve()).once('error', reject));
  clearTimeout(timer);
  if (isLate) return null;
  try {
    return JSON.parse(readFileSync(output, 'utf8')) as Report;
  } catch (cause) {
    throw new Error(`vitest gave no report: ${errors}`, { cause });
  }
}
