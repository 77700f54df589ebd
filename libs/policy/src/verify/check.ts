import { compareDiagnostics, failure, success, type Diagnostic, type Result } from '#base';
import { reviewPolicy } from '../analyse/analyse.js';
import { policyCodes } from '../codes.js';
import { noProvenance, PolicyCompiler } from '../compile/compile.js';
import { PolicyLoader } from '../load/load.js';
import type { Policy } from '../policy.js';
import type { Provenance, Snapshot } from '../snapshot.js';
import { candidateOf } from '../candidate.js';
import { candidateFindings } from './candidate.js';
import { dedicatedAhead } from './dedication.js';
import { pointFindings, type PointCheck } from './points.js';
import { locateWorkloads, noWorkloads, type KnownWorkloads } from '../workloads.js';
import { failureHint, type PolicyTestFailure } from './failure.js';
import { runPolicyTests } from './policy-tests.js';

/** A policy that loads and compiles, and what was found in it. It is good if nothing in `diagnostics` is an error. */
export interface CheckedPolicy {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  /** With its lines in audit in force; null: it has none, or does not compile with them. */
  readonly candidate: Snapshot | null;
  /** Its own tests and invariants that do not hold. */
  readonly failures: readonly PolicyTestFailure[];
  /** Failures included: `test-failed`. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Checks one version of a policy after the other. The result is always that of a new checker; of what did not change, it is known
 * already.
 */
export class PolicyChecker {
  private readonly loader = new PolicyLoader();
  private readonly compiler = new PolicyCompiler();
  private readonly ofCandidates = new PolicyCompiler();

  constructor(private readonly checkPoint: PointCheck) {}

  /** Fails only where a policy does not load or compile. */
  check(
    files: ReadonlyMap<string, string>,
    at: Date,
    provenance: Provenance = noProvenance,
    known: KnownWorkloads = noWorkloads,
  ): Result<CheckedPolicy> {
    const loaded = this.loader.load(files);
    if (!loaded.ok) return failure(loaded.diagnostics);
    const { policy, diagnostics: locating } = locateWorkloads(loaded.value, known);
    const compiled = this.compiler.compile(policy, at, provenance);
    const found = [...loaded.diagnostics, ...locating, ...compiled.diagnostics];
    if (!compiled.ok) return failure(found.sort(compareDiagnostics));
    const snapshot = compiled.value;
    const failures = runPolicyTests(policy, snapshot);
    const candidate = candidateOf(policy);
    const inAudit = candidate && this.ofCandidates.compile(candidate, at);
    const all = [
      ...found,
      ...(candidate && inAudit ? candidateFindings(candidate, inAudit, failures) : []),
      ...pointFindings(policy, snapshot, this.checkPoint),
      ...failures.map(failureFinding),
      ...dedicatedAhead(policy, at),
    ];
    const diagnostics = reviewPolicy(policy, all, at);
    const checked = { policy, snapshot, candidate: inAudit?.ok ? inAudit.value : null };
    return success({ ...checked, failures, diagnostics }, diagnostics);
  }
}

const failureFinding = (failed: PolicyTestFailure): Diagnostic => ({
  severity: policyCodes['test-failed'][0],
  code: 'test-failed',
  summary: `${failed.summary} (test \`${failed.name}\`)`,
  hint: failureHint(failed, 'correct the rule that is named, or the test if the new behaviour is meant'),
  span: failed.span,
});

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
  const checked = new PolicyChecker(checkPoint).check(files, at, provenance, known);
  if (!checked.ok) return checked;
  const { snapshot, diagnostics } = checked.value;
  const isRefused = diagnostics.some(({ severity }) => severity === 'error');
  return isRefused ? failure(diagnostics) : success(snapshot, diagnostics);
}
