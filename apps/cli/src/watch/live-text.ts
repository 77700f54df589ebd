import { formatPlan, formatRefusal } from '#plan';
import { findingLines, verdictLine } from '../commands/check.js';
import { bold, countOf, diagnosticJson, green, red, yellow } from '../output.js';
import type { LiveRun } from './live-policy.js';

export interface ShownRun extends LiveRun {
  readonly folder: string;
  /** When it was looked at. */
  readonly seen: Date;
  /** Milliseconds that check and plan took. */
  readonly took: number;
}

const paint = { bad: red, good: green, warn: yellow, strong: bold };

/** For people: what is wrong first, then tests and plan. `limit`: entries of a list of the plan. */
export function liveText(run: ShownRun, width: number, limit: number): string {
  const { checked, plan, base } = run;
  const isGood = checked.ok && !checked.diagnostics.some(({ severity }) => severity === 'error');
  const against = base ? `, against ${base.words} ${base.commit.slice(0, 12)}` : '';
  const parts = [
    ...findingLines(checked.diagnostics, false),
    verdictLine(isGood, checked.diagnostics),
    ...(checked.ok ? [testsLine(checked.value)] : []),
    '',
    ...(typeof plan === 'string'
      ? [yellow(`no plan: ${plan}`)]
      : plan.ok
        ? [formatPlan(plan.plan, 'human', { paint, width, limit })]
        : [formatRefusal(plan.place, plan.diagnostics, 'human')]),
  ];
  return `${headline(run, `${against}: ${run.took} ms`)}\n\n${parts.join('\n').trimEnd()}\n`;
}

/** `policies 14:03:22, saved rules/flows.csv`: of many files the first ones. */
export function headline({ folder, seen, saved }: Pick<ShownRun, 'folder' | 'seen' | 'saved'>, more = ''): string {
  const most = 3;
  const names = `${saved.slice(0, most).join(', ')}${saved.length > most ? ` and ${saved.length - most} more` : ''}`;
  return `${bold(`${folder} ${seen.toTimeString().slice(0, 8)}`)}${names === '' ? '' : `, saved ${names}`}${more}`;
}

type Checked = Extract<LiveRun['checked'], { ok: true }>['value'];

function testsLine({ policy, failures }: Checked): string {
  const all = `${countOf(policy.tests.length, 'test')}, ${countOf(policy.invariants.length, 'invariant')}`;
  return `${all}: ${failures.length === 0 ? green('all hold') : red(countOf(failures.length, 'failure'))}`;
}

/** One run as a value for programs. */
export function liveJson({ at, saved, checked, base, plan, seen, took }: ShownRun): Record<string, unknown> {
  const isGood = checked.ok && !checked.diagnostics.some(({ severity }) => severity === 'error');
  return {
    seen: seen.toISOString(),
    at: at.toISOString(),
    took,
    saved,
    ok: isGood,
    diagnostics: checked.diagnostics.map(diagnosticJson),
    tests: checked.ok ? testCounts(checked.value) : null,
    base: base && { commit: base.commit, words: base.words },
    ...planJson(plan),
  };
}

const testCounts = ({ policy, failures }: Checked): Record<string, number> => ({
  tests: policy.tests.length,
  invariants: policy.invariants.length,
  failures: failures.length,
});

/** Without a plan, why. */
function planJson(plan: LiveRun['plan']): Record<'plan' | 'noPlan', unknown> {
  if (typeof plan === 'string') return { plan: null, noPlan: { why: plan, diagnostics: [] } };
  if (plan.ok) {
    const { changed, summary, concerns, flows } = plan.plan;
    return { plan: { changed, summary, concerns, flows }, noPlan: null };
  }
  const diagnostics = plan.diagnostics.map(diagnosticJson);
  return { plan: null, noPlan: { why: `${plan.place} is refused`, diagnostics } };
}
