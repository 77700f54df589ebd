import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic, Severity } from '#base';
import { checkPoint } from '#drivers';
import {
  escapeMarkdown,
  formatPlan,
  formatRefusal,
  summaryRows,
  visible,
  type ConcernKind,
  type PlanFormat,
} from '#plan';
import { buildSnapshot } from '#policy';
import { findRange } from '../ci/change-range.js';
import { readPipeline, type Environment, type Pipeline } from '../ci/pipeline.js';
import { headline, remedy, resultOf, type CiResult } from '../ci/report.js';
import { judgeChange, nameChange, readApproval, type Verdict } from '../ci/verdict.js';
import { bold, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
import { readPolicyRevision, UsageError } from '../policy-files.js';
import { filesBeside, planChange, readMaxBytes, type ChangeSide, type PlannedChange } from './plan.js';
import { readInstant } from './policy.js';

export interface CiOptions {
  readonly policy: string;
  readonly base?: string;
  readonly head?: string;
  readonly inventory?: string;
  readonly flows?: string;
  readonly at?: string;
  readonly out: string;
  readonly requireApproval?: string;
  readonly approved?: boolean;
  readonly maxBytes?: string;
  readonly json?: boolean;
}

/** What stands before the plan in plan.md takes no more. */
const verdictBytes = 4000;
/** Below the limits of all forges, with room for the marker. */
const defaultMaxBytes = 60_000;

/** Check and plan of the change that a pipeline runs for, as files and as one verdict. Nothing of the change is run, or checked out. */
export function ci(options: CiOptions, env: Environment = process.env): number {
  const pipeline = readPipeline(env, readEvent);
  const required = readApproval(options.requireApproval);
  const maxBytes = options.maxBytes === undefined ? defaultMaxBytes : readMaxBytes(options.maxBytes);
  if (maxBytes < 2 * verdictBytes) throw new UsageError(`--max-bytes: a comment takes ${2 * verdictBytes} or more`);
  const range = findRange(options, pipeline);
  const folder = options.policy.replace(/^\.\//, '').replace(/\/+$/, '');
  const sideAt = (commit: string): ChangeSide => sideOf(commit, folder);
  const [from, to] = [sideAt(range.base), sideAt(range.head)];
  const at = readInstant(options.at);
  const checked = buildSnapshot(to.files, at, checkPoint).diagnostics;
  const planned = planChange(from, to, at, filesBeside(options));
  const verdict = judge(planned, checked, { from, to, required, approved: options.approved ?? false, pipeline });
  const result = resultOf(verdict, {
    policy: folder,
    ...range,
    check: countSeverities(checked),
    summary: planned.ok ? planned.plan.summary : null,
  });
  writeFiles(options.out, { result, planned, checked, from, to, maxBytes, summaryFile: pipeline?.summaryFile ?? null });
  if (options.json) printJson(result);
  else report(result, planned, checked, options.out);
  return result.exitCode;
}

export function readEvent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`the event of this run can't be read: ${(error as Error).message}; give --base and --head`);
  }
}

function sideOf(commit: string, folder: string): ChangeSide {
  const place = `${commit}:${folder === '.' ? '' : folder}`;
  return { place, files: readPolicyRevision(place) };
}

interface Judged {
  readonly from: ChangeSide;
  readonly to: ChangeSide;
  readonly required: readonly ConcernKind[];
  readonly approved: boolean;
  readonly pipeline: Pipeline | null;
}

function judge(
  planned: PlannedChange,
  checked: readonly Diagnostic[],
  { from, to, required, approved, pipeline }: Judged,
): Verdict {
  const change = nameChange(from.files, to.files);
  const no = (outcome: 'refused' | 'tests-broken'): Verdict => ({ outcome, change, needed: [], approvedBy: null });
  const errors = checked.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return no(errors.every(({ code }) => code === 'test-failed') ? 'tests-broken' : 'refused');
  if (planned.ok && planned.plan.summary.testsBroken > 0) return no('tests-broken');
  // An inventory or flows that can't be read are this pipeline's own fault: nobody can approve them away.
  if (!planned.ok && planned.place !== from.place) return no('refused');
  const concerns = planned.ok ? planned.plan.concerns : null;
  return judgeChange(change, concerns, required, { approved, labels: pipeline?.labels ?? [] });
}

function countSeverities(diagnostics: readonly Diagnostic[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of diagnostics) counts[severity] += 1;
  return counts;
}

interface Written {
  readonly result: CiResult;
  readonly planned: PlannedChange;
  readonly checked: readonly Diagnostic[];
  readonly from: ChangeSide;
  readonly to: ChangeSide;
  readonly maxBytes: number;
  readonly summaryFile: string | null;
}

const files: Readonly<Record<string, PlanFormat>> = {
  'plan.sarif': 'sarif',
  'plan.junit.xml': 'junit',
  'plan.json': 'json',
};

function writeFiles(folder: string, written: Written): void {
  const { result, planned, checked, to, maxBytes, summaryFile } = written;
  const root = result.policy === '.' ? '' : `${result.policy}/`;
  // Where the new policy itself is refused, all that is wrong with it is told, not only what a plan found first.
  const refusal = planned.ok || planned.place === to.place ? { place: to.place, diagnostics: checked } : planned;
  const render = (format: PlanFormat): string => {
    const options = { root, maxBytes: maxBytes - verdictBytes };
    const isPlanned = planned.ok && result.outcome !== 'refused';
    return isPlanned
      ? formatPlan(planned.plan, format, options)
      : formatRefusal(refusal.place, refusal.diagnostics, format, options);
  };
  const markdown = `${verdictMarkdown(result)}\n${render('markdown')}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'plan.md'), markdown);
    for (const [name, format] of Object.entries(files)) writeFileSync(join(folder, name), render(format));
    writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    if (summaryFile !== null) appendFileSync(summaryFile, `${markdown}\n`);
  } catch (error) {
    throw new UsageError(`--out: the files can't be written: ${(error as Error).message}`);
  }
}

const shownConcern = 300;

/** The verdict, as plan.md begins. Texts of the change are escaped, and cut: the whole of them stands in the plan. */
function verdictMarkdown(result: CiResult): string {
  const how = remedy(result);
  const lines = [
    `**${escapeMarkdown(headline(result))}** (change <code>${result.change}</code>)`,
    '',
    ...result.needed.map(({ kind, summary }) => `- ${kind}: ${escapeMarkdown(cut(summary))}`),
    ...(how === null ? [] : ['', escapeMarkdown(how)]),
    '',
  ];
  return lines.join('\n');
}

const cut = (text: string): string => (text.length > shownConcern ? `${text.slice(0, shownConcern)}…` : text);

/** A text with an end of line in it could give a runner commands of its own, such as `::add-mask::`. */
function printErrors(diagnostics: readonly Diagnostic[]): void {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  printDiagnostics(errors.map((error) => ({ ...error, summary: visible(error.summary), hint: visible(error.hint) })));
}

function report(result: CiResult, planned: PlannedChange, checked: readonly Diagnostic[], out: string): void {
  const { outcome, base, head, change, needed, check } = result;
  print(`${bold('change')} ${change}   ${base.slice(0, 12)} -> ${head.slice(0, 12)}, ${result.policy}`);
  if (planned.ok)
    for (const [what, text, isBad] of summaryRows(planned.plan))
      print(`  ${what.padEnd(16)} ${isBad ? yellow(text) : text}`);
  printErrors(checked);
  if (!planned.ok && check.error === 0) printErrors(planned.diagnostics);
  for (const { kind, summary } of needed) print(`  ${kind.padEnd(16)} ${yellow(visible(summary))}`);
  const colour = outcome === 'good' || outcome === 'approved' ? green : outcome === 'needs-approval' ? yellow : red;
  print(colour(headline(result)));
  const how = remedy(result);
  if (how !== null) print(how);
  print(`written to ${out}: plan.md, ${Object.keys(files).join(', ')}, result.json`);
}
