import { success, type Diagnostic, type Result } from '#base';
import { checkPoint } from '#drivers';
import {
  candidateOf,
  dedicatedAhead,
  failureHint,
  locateWorkloads,
  noWorkloads,
  pointFindings,
  PolicyCompiler,
  PolicyLoader,
  policyOfSites,
  reviewPolicy,
  runPolicyTests,
  type KnownWorkloads,
  type Policy,
  type Provenance,
  type Snapshot,
} from '#policy';

export interface EvaluationRequest {
  readonly files: ReadonlyMap<string, string>;
  readonly at: Date;
  readonly provenance: Provenance;
  readonly known: KnownWorkloads;
  /** With the lines in audit in force. */
  readonly isCandidate?: boolean;
}

export interface Evaluation {
  readonly snapshot: Snapshot;
  /**
   * What refuses a commit: the policy's own tests that fail, the built-in one about dedicated segments in the year ahead, and
   * findings that its cordon.yaml makes errors.
   */
  readonly testFailures: readonly Diagnostic[];
}

/**
 * Load, find its services, compile for an instant and the sites of `provenance`, analyse, and ask the policy's own tests. Warnings come with
 * a success. Of a candidate the lines in audit are among the others. What one policy shares with the one before is loaded and compiled once.
 */
export class Evaluator {
  private readonly loader = new PolicyLoader();
  private readonly compiler = new PolicyCompiler();

  evaluate({ files, at, provenance, known, isCandidate = false }: EvaluationRequest): Result<Evaluation> {
    const loaded = this.loader.load(files);
    return loaded.ok ? judge(loaded, { at, provenance, known, isCandidate }, this.compiler) : loaded;
  }
}

/** Of one policy alone. */
export const evaluatePolicy = (
  files: ReadonlyMap<string, string>,
  at: Date,
  provenance: Provenance,
  known: KnownWorkloads = noWorkloads,
  isCandidate = false,
): Result<Evaluation> => new Evaluator().evaluate({ files, at, provenance, known, isCandidate });

function judge(
  loaded: Extract<Result<Policy>, { ok: true }>,
  { at, provenance, known, isCandidate }: Required<Omit<EvaluationRequest, 'files'>>,
  compiler: PolicyCompiler,
): Result<Evaluation> {
  const unknown = provenance.sites?.filter((site) => !loaded.value.sites.has(site)) ?? [];
  if (unknown.length > 0) return { ok: false, diagnostics: [...loaded.diagnostics, ...unknown.map(unknownSite)] };
  const { policy: located, diagnostics: locating } = locateWorkloads(loaded.value, known);
  const ours = provenance.sites ? policyOfSites(located, provenance.sites) : located;
  const policy = isCandidate ? (candidateOf(ours) ?? ours) : ours;
  const before = [...loaded.diagnostics, ...locating];
  const compiled = compiler.compile(policy, at, provenance);
  if (!compiled.ok) return { ok: false, diagnostics: [...before, ...compiled.diagnostics] };
  const testFailures = runPolicyTests(policy, compiled.value).map((failed): Diagnostic => ({
    severity: 'error',
    code: 'policy-test-failed',
    summary: `test \`${failed.name}\`: ${failed.summary}`,
    hint: failureHint(failed, 'change the rule, or the test when it asks for the wrong thing'),
    span: failed.span,
  }));
  testFailures.push(...dedicatedAhead(policy, at));
  const ofPoints = pointFindings(policy, compiled.value, checkPoint);
  const found = reviewPolicy(policy, [...before, ...compiled.diagnostics, ...ofPoints], at);
  const refusing = found.filter(({ severity }) => severity === 'error');
  return success(
    { snapshot: compiled.value, testFailures: [...refusing, ...testFailures] },
    found.filter(({ severity }) => severity !== 'error'),
  );
}

const unknownSite = (site: string): Diagnostic => ({
  severity: 'error',
  code: 'installation-site-unknown',
  summary: `this controller is for the site \`${site}\` (CORDON_SITES), which the policy does not have`,
  hint: 'correct CORDON_SITES and start the controller again, or put the site back into catalog/sites.yaml',
});

/** Files that are policy; whatever else is in the repository (documents, pictures) is not read. */
export function isPolicyFile(path: string): boolean {
  return /^(rules|audit|catalog|network|tests)\/.+\.(csv|ya?ml)$|^(model\.conf|cordon\.yaml)$/.test(path);
}
