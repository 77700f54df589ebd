import { compareDiagnostics, failure, success, type Diagnostic, type Result } from '#base';
import { reviewPolicy } from '../analyse/analyse.js';
import { policyCodes } from '../codes.js';
import { compilePolicy, noProvenance } from '../compile/compile.js';
import { loadPolicy } from '../load/load.js';
import type { Provenance, Snapshot } from '../snapshot.js';
import { candidateFindings } from './candidate.js';
import { dedicatedAhead } from './dedication.js';
import { pointFindings, type PointCheck } from './points.js';
import { locateWorkloads, noWorkloads, type KnownWorkloads } from '../workloads.js';
import { failureHint } from './failure.js';
import { runPolicyTests } from './policy-tests.js';

/**
 * Files in, publishable snapshot out: loaded, compiled, and all of the policy's own tests and invariants hold; no finding
 * that cordon.yaml makes an error. The only way from a repository to what bridges and enforcement points get.
 */
export function buildSnapshot(
  files: ReadonlyMap<string, string>,
  at: Date,
  checkPoint: PointCheck,
  provenance: Provenance = noProvenance,
  known: KnownWorkloads = noWorkloads,
): Result<Snapshot> {
  const loaded = loadPolicy(files);
  if (!loaded.ok) return failure(loaded.diagnostics);
  const { policy, diagnostics: locating } = locateWorkloads(loaded.value, known);
  const compiled = compilePolicy(policy, at, provenance);
  const found = [...loaded.diagnostics, ...locating, ...compiled.diagnostics];
  if (!compiled.ok) return failure(found.sort(compareDiagnostics));
  found.push(...pointFindings(policy, compiled.value, checkPoint));
  const broken = runPolicyTests(policy, compiled.value);
  found.push(...candidateFindings(policy, at, broken));
  const failures = broken.map((failed): Diagnostic => ({
    severity: policyCodes['test-failed'][0],
    code: 'test-failed',
    summary: `${failed.summary} (test \`${failed.name}\`)`,
    hint: failureHint(failed, 'correct the rule that is named, or the test if the new behaviour is meant'),
    span: failed.span,
  }));
  failures.push(...dedicatedAhead(policy, at));
  const diagnostics = reviewPolicy(policy, [...found, ...failures], at);
  const isRefused = diagnostics.some(({ severity }) => severity === 'error');
  return isRefused ? failure(diagnostics) : success(compiled.value, diagnostics);
}
