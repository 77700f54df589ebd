import type { Diagnostic, Result } from '#base';
import { checkPoint } from '#drivers';
import { formatPlan, planPolicy, type PlannedSide, type PolicyPlan } from '#plan';
import {
  candidateOf,
  locateWorkloads,
  pointFindings,
  PolicyCompiler,
  PolicyLoader,
  reviewPolicy,
  type KnownWorkloads,
} from '#policy';

export interface WeighRequest {
  /** Files of the policy before and after, by path. */
  readonly before: ReadonlyMap<string, string>;
  readonly after: ReadonlyMap<string, string>;
  readonly at: Date;
  /** Instant of the policy before, where that is another. */
  readonly beforeAt?: Date;
  readonly known: KnownWorkloads;
}

export interface Weighed {
  /** Null: the policy before does not load, so nothing can be compared with it. */
  readonly plan: PolicyPlan | null;
  readonly markdown: string | null;
  /** Of the policy after: warnings, and errors that its own tests or its cordon.yaml make. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What a change of policy will do. Fails where the policy after does not load or compile. */
export function weighProposal({ before, after, at, beforeAt = at, known }: WeighRequest): Result<Weighed> {
  // The second is mostly the first: what it shares is loaded and compiled once.
  const loader = new PolicyLoader();
  const compiler = new PolicyCompiler();
  const sideOf = (files: ReadonlyMap<string, string>, instant: Date): Result<PlannedSide> => {
    const loaded = loader.load(files);
    if (!loaded.ok) return loaded;
    const { policy, diagnostics: locating } = locateWorkloads(loaded.value, known);
    const compiled = compiler.compile(policy, instant);
    const found = [...loaded.diagnostics, ...locating, ...compiled.diagnostics];
    if (!compiled.ok) return { ok: false, diagnostics: found };
    found.push(...pointFindings(policy, compiled.value, checkPoint));
    const diagnostics = reviewPolicy(policy, found, instant);
    const candidate = candidateOf(policy);
    const inAudit = candidate && compiler.compile(candidate, instant);
    const side = { policy, snapshot: compiled.value, diagnostics, candidate: inAudit?.ok ? inAudit.value : null };
    return { ok: true, value: side, diagnostics };
  };
  const from = sideOf(before, beforeAt);
  const to = sideOf(after, at);
  if (!to.ok) return to;
  const { diagnostics } = to.value;
  if (!from.ok) return { ok: true, value: { plan: null, markdown: null, diagnostics }, diagnostics: [] };
  const planned = planPolicy({ from: from.value, to: to.value, inventory: null, flows: null });
  if (!planned.ok) return planned;
  const plan = planned.value;
  return { ok: true, value: { plan, markdown: formatPlan(plan, 'markdown'), diagnostics }, diagnostics: [] };
}
