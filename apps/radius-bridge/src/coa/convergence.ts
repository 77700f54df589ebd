import { maxEarlierCoa, type CoaOutcome, type Convergence, type Session } from '#model';

type Kept = Pick<Session, 'convergence' | 'lastCoa' | 'earlierCoa'>;

/** `since` tells when the state began: a reason may change while it lasts. */
export function converge(
  { convergence }: Kept,
  state: Convergence['state'],
  reason: string | null,
  now: Date,
): Convergence {
  return { state, reason, since: convergence.state === state ? convergence.since : now.toISOString() };
}

/** The latest attempts, so that the page of a session shows how it came to this. */
export function addOutcome(
  { lastCoa, earlierCoa }: Kept,
  outcome: CoaOutcome,
): Pick<Session, 'lastCoa' | 'earlierCoa'> {
  const earlier = lastCoa ? [lastCoa, ...earlierCoa] : earlierCoa;
  return { lastCoa: outcome, earlierCoa: earlier.slice(0, maxEarlierCoa) };
}
