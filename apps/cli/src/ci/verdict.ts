import { createHash } from 'node:crypto';
import { compareText } from '#base';
import { concernKinds, type Concern, type ConcernKind } from '#plan';
import { UsageError } from '../policy-files.js';

/** `unplanned`: the policy before can't be read, so nobody knows what changes. */
export type Outcome = 'good' | 'approved' | 'needs-approval' | 'unplanned' | 'tests-broken' | 'refused';

export interface Verdict {
  readonly outcome: Outcome;
  /** Names both sides: an approval is of these texts and of no others. */
  readonly change: string;
  /** Of the kinds that need approval, those that the change has. */
  readonly needed: readonly Concern[];
  /** What approves it, where something does. */
  readonly approvedBy: string | null;
}

/** Needs approval, unless a pipeline says otherwise. Lines whose effect is not now are among them: else a schedule gets around the rest. */
export const defaultApproval: readonly ConcernKind[] = ['internet', 'life-critical', 'in-use', 'later'];

export const exitCodes: Readonly<Record<Outcome, number>> = {
  good: 0,
  approved: 0,
  'needs-approval': 3,
  unplanned: 3,
  'tests-broken': 1,
  refused: 1,
};

export function readApproval(text: string | undefined): readonly ConcernKind[] {
  if (text === undefined) return defaultApproval;
  const names = text.split(',').map((name) => name.trim());
  if (names.length === 1 && names[0] === 'none') return [];
  return names.map((name) => {
    const kind = concernKinds.find((each) => each === name);
    if (!kind)
      throw new UsageError(`--require-approval: \`${name}\` is not one of ${concernKinds.join(', ')}, or none`);
    return kind;
  });
}

/** 12 hex digits over all texts of both policies: any other text on either side is another change. */
export function nameChange(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const files of [before, after]) {
    const sorted = [...files].sort(([a], [b]) => compareText(a, b));
    hash.update(`${JSON.stringify(sorted)}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

export const approvalLabel = (change: string): string => `cordon-approved:${change}`;

/** What a change comes to that has a plan, or (`concerns` null) whose policy before is refused. */
export function judgeChange(
  change: string,
  concerns: readonly Concern[] | null,
  required: readonly ConcernKind[],
  given: { readonly approved: boolean; readonly labels: readonly string[] },
): Verdict {
  const needed = (concerns ?? []).filter(({ kind }) => required.includes(kind));
  if (concerns !== null && needed.length === 0) return { outcome: 'good', change, needed, approvedBy: null };
  const label = approvalLabel(change);
  const approvedBy = given.approved ? '--approved' : given.labels.includes(label) ? `label \`${label}\`` : null;
  const open = concerns === null ? 'unplanned' : 'needs-approval';
  return { outcome: approvedBy === null ? open : 'approved', change, needed, approvedBy };
}
