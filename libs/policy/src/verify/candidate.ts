import type { Diagnostic, Result } from '#base';
import { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import type { Snapshot } from '../snapshot.js';
import type { PolicyTestFailure } from './failure.js';
import { runPolicyTests } from './policy-tests.js';

/**
 * What would keep the lines in audit from coming into force: they don't compile, or a test does not hold with them. `failing`: tests that don't
 * hold without them either. Nothing in force depends on it.
 */
export function candidateFindings(
  candidate: Policy,
  compiled: Result<Snapshot>,
  failing: readonly PolicyTestFailure[],
): readonly Diagnostic[] {
  const report = new Report();
  const hint = 'change the lines under audit/, or what speaks against them, before they are moved into rules/';
  for (const { severity, summary, span } of compiled.diagnostics)
    if (severity === 'error')
      report.add('audit-refused', span ?? null, `with the lines in audit in force: ${summary}`, hint);
  if (!compiled.ok) return report.diagnostics;
  const known = new Set(failing.map(({ name }) => name));
  for (const { name, summary, span } of runPolicyTests(candidate, compiled.value))
    if (!known.has(name))
      report.add('audit-refused', span, `with the lines in audit in force: ${summary} (test \`${name}\`)`, hint);
  return report.diagnostics;
}
