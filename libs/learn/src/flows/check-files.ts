import type { Diagnostic } from '#base';
import {
  compilePolicy,
  loadPolicy,
  pointFindings,
  runPolicyTests,
  type PointCheck,
  type PolicyTestFailure,
} from '#policy';

/** What a policy says of lines that are put into it. */
export interface CheckedFiles {
  /** Numbers of lines of the rules file → why the policy does not take them. */
  readonly refused: ReadonlyMap<number, string>;
  /** Tests and invariants that don't hold. */
  readonly failing: number;
  /** Errors that no single line is to blame for. */
  readonly errors: readonly Diagnostic[];
}

/**
 * Loads, compiles and tests a policy with a file of proposed rules in it. A line is to blame for a test that doesn't hold when it is among
 * those that open what the test wants closed.
 */
export function checkFiles(
  files: ReadonlyMap<string, string>,
  rules: string,
  at: Date,
  checkPoint: PointCheck,
): CheckedFiles {
  const refused = new Map<number, string>();
  const loaded = loadPolicy(files);
  const compiled = loaded.ok ? compilePolicy(loaded.value, at) : null;
  const found = [...loaded.diagnostics, ...(compiled?.diagnostics ?? [])];
  if (loaded.ok && compiled?.ok) found.push(...pointFindings(loaded.value, compiled.value, checkPoint));
  const errors = found.filter(({ severity }) => severity === 'error');
  for (const { span, code, summary } of errors)
    if (span?.file === rules) refused.set(span.line, `the policy refuses the line: ${summary} (${code})`);
  if (!loaded.ok || !compiled?.ok)
    return { refused, failing: 0, errors: errors.filter(({ span }) => span?.file !== rules) };
  const failures = runPolicyTests(loaded.value, compiled.value);
  for (const failed of failures)
    for (const { file, line } of failed.rules) if (file === rules) refused.set(line, testText(failed));
  return { refused, failing: failures.length, errors: errors.filter(({ span }) => span?.file !== rules) };
}

const testText = ({ name, span }: PolicyTestFailure): string =>
  `it would break \`${name}\` (${span.file}:${span.line})`;
