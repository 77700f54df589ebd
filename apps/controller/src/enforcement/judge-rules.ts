import type { RulesRead } from '#reconcile';

/** What a point was left with. */
export interface LeftRules {
  /** Of the rules that were read back last; null: none were yet. */
  readonly fingerprint: string | null;
  /** Other rules were being brought there, and it is not known how far that got. */
  readonly isUnfinished: boolean;
}

/**
 * What the rules on a device are to what we left there and what policy wants now. `ours`: we left them, and something else is wanted since;
 * `unfinished`: we were about to change them; `by-hand`: somebody changed them; `second-writer`: somebody else brought what is wanted.
 */
export type RulesVerdict = 'in-sync' | 'ours' | 'unfinished' | 'by-hand' | 'second-writer' | 'unknown';

/**
 * Three ways: wanted, left, and read. INVARIANT: nobody is accused of what we may have done ourselves. After a restart in the middle of a
 * change that is anything.
 */
export function judgeRules({ before, isAsked }: RulesRead, left: LeftRules | null): RulesVerdict {
  if (left === null || left.fingerprint === null) return isAsked ? 'in-sync' : 'unknown';
  const isLeft = before === left.fingerprint;
  if (isAsked) return isLeft || left.isUnfinished ? 'in-sync' : 'second-writer';
  if (isLeft) return 'ours';
  return left.isUnfinished ? 'unfinished' : 'by-hand';
}
