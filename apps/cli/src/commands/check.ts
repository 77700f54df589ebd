import type { Diagnostic, Severity } from '#base';
import { checkPoint } from '#drivers';
import { buildSnapshot } from '#policy';
import { countOf, diagnosticJson, diagnosticLines, green, print, printJson, red, yellow } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { readInstant } from './policy.js';

export interface CheckOptions {
  readonly failOn: string;
  readonly all?: boolean;
  readonly at?: string;
  readonly json?: boolean;
}

const severities: readonly Severity[] = ['error', 'warning', 'info'];
export const checkExitCodes = `
Exit code: 0 the policy is good and has no finding at or above --fail-on,
           1 the policy is refused, 3 it is good but has such findings.
Severities are set in cordon.yaml at the root of the policy; docs/policy-language.md explains every code.`;

/** Of one code this many warnings are printed: where there are more, they mostly have one cause. */
const mostOfACode = 15;

export function check(folder: string, options: CheckOptions): number {
  const failOn = severities.findIndex((severity) => severity === options.failOn);
  if (failOn < 0) throw new UsageError(`--fail-on: \`${options.failOn}\` is not one of ${severities.join(', ')}`);
  const built = buildSnapshot(readPolicyFolder(folder), readInstant(options.at), checkPoint);
  const { diagnostics } = built;
  const isFailing = diagnostics.some(({ severity }) => severities.indexOf(severity) <= failOn);
  const code = built.ok ? (isFailing ? 3 : 0) : 1;
  if (options.json) printJson({ ok: built.ok, diagnostics: diagnostics.map(diagnosticJson) });
  else {
    for (const line of findingLines(diagnostics, options.all === true || options.failOn === 'info')) print(line);
    print(verdictLine(built.ok, diagnostics, code === 3));
  }
  return code;
}

export function verdictLine(isGood: boolean, diagnostics: readonly Diagnostic[], isFailing = false): string {
  const counts = severities.map((wanted) => {
    const count = diagnostics.filter(({ severity }) => severity === wanted).length;
    return countOf(count, wanted);
  });
  if (!isGood) return `${red('policy is refused')}: ${counts.join(', ')}`;
  return `${isFailing ? yellow('policy is good, with findings') : green('policy is good')}: ${counts.slice(1).join(', ')}`;
}

/** Errors, and the first warnings of each code; or all. */
export function findingLines(diagnostics: readonly Diagnostic[], all: boolean): string[] {
  if (all) return diagnosticLines(diagnostics);
  const left = new Map<string, number>();
  const shown = diagnostics.filter(({ severity, code }) => {
    if (severity === 'error') return true;
    const count = (left.get(code) ?? 0) + 1;
    left.set(code, count);
    return severity === 'warning' && count <= mostOfACode;
  });
  for (const { code } of shown) left.set(code, (left.get(code) ?? 0) - 1);
  const hidden = [...left].filter(([, count]) => count > 0).map(([code, count]) => `${count} ${code}`);
  const more = hidden.length > 0 ? [`not shown without --all: ${hidden.sort().join(', ')}`] : [];
  return [...diagnosticLines(shown), ...more];
}
