import type { Session } from '#model';
import { evidenceOf, renewal, verdictOf } from '../closed-loop/verdict.js';

/**
 * What is to be told of a session. `doubtful`: whether it is wrong shows `due`, though nothing is reported until then; `unsettled`: it is
 * being changed, which says nothing about what was wrong with it before.
 */
export type SessionCondition =
  | { readonly state: 'refused' | 'diverged'; readonly reason: string | null; readonly since: string }
  | { readonly state: 'doubtful'; readonly due: string }
  | { readonly state: 'unsettled' | 'settled' | 'ended' };

/** By what its own reports say: what policy wants now moves nothing from wrong to right. */
export function judgeSession(session: Session, now: Date): SessionCondition {
  if (session.state === 'closed') return { state: 'ended' };
  const { state, reason, since } = verdictOf(evidenceOf(session), null, null, now);
  if (state === 'refused' || state === 'diverged') return { state, reason, since };
  const { convergence, strayAddresses } = session;
  if (convergence.state !== 'settled') return { state: 'unsettled' };
  if (strayAddresses.length === 0) return { state: 'settled' };
  return { state: 'doubtful', due: new Date(Date.parse(convergence.since) + renewal).toISOString() };
}
