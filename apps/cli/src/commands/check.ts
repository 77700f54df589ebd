import type { Diagnostic, Severity } from '#base';
import { checkPoint } from '#drivers';
import { buildSnapshot } from '#policy';
import { countOf, diagnosticJson, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
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
    printFindings(diagnostics, options.all === true || options.failOn === 'info');
    const counts = severities.map((severity) => countOf(countSeverity(diagnostics, severity), severity));
    print(
      built.ok
        ? `${code === 3 ? yellow('policy is good, with findings') : green('policy is good')}: ${counts.slice(1).join(', ')}`
        : `${red('policy is refused')}: ${counts.join(', ')}`,
    );
  }
  return code;
}

const countSeverity = (diagnostics: readonly Diagnostic[], wanted: Severity): number =>
  diagnostics.filter(({ severity }) => severity === wanted).length;

function printFindings(diagnostics: readonly Diagnostic[], all: boolean): void {
  if (all) return printDiagnostics(diagnostics);
  const left = new Map<string, number>();
  const shown = diagnostics.filter(({ severity, code }) => {
    if (severity === 'error') return true;
    const count = (left.get(code) ?? 0) + 1;
    left.set(code, count);
    return severity === 'warning' && count <= mostOfACode;
  });
  printDiagnostics(shown);
  for (const { code } of shown) left.set(code, (left.get(code) ?? 0) - 1);
  const hidden = [...left].filter(([, count]) => count > 0).map(([code, count]) => `${count} ${code}`);
  if (hidden.length > 0) print(`not shown without --all: ${hidden.sort().join(', ')}`);
}
