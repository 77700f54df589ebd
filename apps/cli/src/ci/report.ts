import type { Severity } from '#base';
import type { PlanSummary } from '#plan';
import { approvalLabel, exitCodes, type Outcome, type Verdict } from './verdict.js';

/** What `cordon ci` came to: the file result.json, which `cordon ci comment` reads. */
export interface CiResult {
  readonly format: 1;
  readonly outcome: Outcome;
  readonly exitCode: number;
  readonly change: string;
  readonly policy: string;
  readonly base: string;
  readonly head: string;
  readonly needed: Verdict['needed'];
  readonly approvedBy: string | null;
  /** Findings of the new policy, by severity. */
  readonly check: Readonly<Record<Severity, number>>;
  /** Null where there is no plan. */
  readonly summary: PlanSummary | null;
}

export function resultOf(
  verdict: Verdict,
  rest: Pick<CiResult, 'policy' | 'base' | 'head' | 'check' | 'summary'>,
): CiResult {
  return { format: 1, ...verdict, exitCode: exitCodes[verdict.outcome], ...rest };
}

const headlines: Readonly<Record<Outcome, string>> = {
  good: 'nothing in this change needs approval',
  approved: 'approved',
  'needs-approval': 'needs approval',
  unplanned: 'needs approval: the policy before this change is refused, so nobody can tell what changes',
  'tests-broken': 'tests of the policy are broken',
  refused: 'the policy is refused',
};

/** One line, for a commit status and the end of a log. */
export function headline({ outcome, approvedBy, needed }: Pick<CiResult, 'outcome' | 'approvedBy' | 'needed'>): string {
  const why = needed.length > 0 ? ` (${needed.map(({ kind }) => kind).join(', ')})` : '';
  return `${headlines[outcome]}${approvedBy === null ? '' : ` by ${approvedBy}`}${why}`;
}

/** How a person approves; null where there is nothing to approve. */
export function remedy({ outcome, change }: Pick<CiResult, 'outcome' | 'change'>): string | null {
  if (outcome !== 'needs-approval' && outcome !== 'unplanned') return null;
  return `to approve this change and no other, set the label \`${approvalLabel(change)}\`, or run with --approved`;
}
