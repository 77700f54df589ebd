import { success, type Diagnostic, type Result } from '#base';
import { checkPoint } from '#drivers';
import {
  compilePolicy,
  dedicatedAhead,
  failureHint,
  loadPolicy,
  pointFindings,
  reviewPolicy,
  runPolicyTests,
  type Provenance,
  type Snapshot,
} from '#policy';

export interface Evaluation {
  readonly snapshot: Snapshot;
  /**
   * What refuses a commit: the policy's own tests that fail, the built-in one about dedicated segments in the year ahead, and
   * findings that its cordon.yaml makes errors.
   */
  readonly testFailures: readonly Diagnostic[];
}

/** Load, compile for an instant, analyse, and ask the policy's own tests. Warnings come with a success. */
export function evaluatePolicy(
  files: ReadonlyMap<string, string>,
  at: Date,
  provenance: Provenance,
): Result<Evaluation> {
  const policy = loadPolicy(files);
  if (!policy.ok) return policy;
  const compiled = compilePolicy(policy.value, at, provenance);
  if (!compiled.ok) return { ok: false, diagnostics: [...policy.diagnostics, ...compiled.diagnostics] };
  const testFailures = runPolicyTests(policy.value, compiled.value).map((failed): Diagnostic => ({
    severity: 'error',
    code: 'policy-test-failed',
    summary: `test \`${failed.name}\`: ${failed.summary}`,
    hint: failureHint(failed, 'change the rule, or the test when it asks for the wrong thing'),
    span: failed.span,
  }));
  testFailures.push(...dedicatedAhead(policy.value, at));
  const ofPoints = pointFindings(policy.value, compiled.value, checkPoint);
  const found = reviewPolicy(policy.value, [...policy.diagnostics, ...compiled.diagnostics, ...ofPoints], at);
  const refusing = found.filter(({ severity }) => severity === 'error');
  return success(
    { snapshot: compiled.value, testFailures: [...refusing, ...testFailures] },
    found.filter(({ severity }) => severity !== 'error'),
  );
}

/** Files that are policy; whatever else is in the repository (documents, pictures) is not read. */
export function isPolicyFile(path: string): boolean {
  return /^(rules|catalog|network|tests)\/.+\.(csv|ya?ml)$|^(model\.conf|cordon\.yaml)$/.test(path);
}
