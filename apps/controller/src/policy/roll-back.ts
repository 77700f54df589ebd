import type { Diagnostic } from '#base';
import type { PolicyHoldRow } from '../store/rows.js';

/** What a person wants. */
export interface RollBack {
  /** First digits of a commit or a digest, or `previous`. */
  readonly to: string;
  readonly reason: string;
  readonly actor: string;
  /** Everywhere at once, whatever stages there are. */
  readonly isNow: boolean;
}

export interface RolledBack {
  readonly status: 'active' | 'staged';
  readonly commit: string;
  readonly digest: string;
  /** What it goes back from. */
  readonly from: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** `head`: what the branch says. */
export const describeHold = ({ toCommit, actor, reason }: PolicyHoldRow, head: string): string =>
  `rolled back to ${toCommit.slice(0, 12)} by ${actor} because ${reason}; the branch still says ${head.slice(0, 12)}`;

export const holdRemedy = 'revert it there, or take it all the same: `cordon policy sync --take`';

/** The head of the branch is not taken. */
export const heldFinding = (hold: PolicyHoldRow, head: string): Diagnostic => ({
  severity: 'warning',
  code: 'rolled-back',
  summary: describeHold(hold, head),
  hint: holdRemedy,
});
