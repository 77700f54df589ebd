import type { NasEntry } from './snapshot.js';
import { parseUntil } from './when.js';

type Rule = Pick<NasEntry, 'messageAuthenticator'>;

/** The first instant at which a client's exception is over; null when it has none. */
export function exceptionEnd({ messageAuthenticator: rule }: Rule): Date | null {
  const until = typeof rule === 'string' ? null : parseUntil(`until ${rule.until}`);
  return until?.kind === 'until' ? until.end : null;
}

/** Whether a client's exception holds. A date that is none is no exception. */
export function isExcepted(client: Rule, at: Date): boolean {
  const end = exceptionEnd(client);
  return end !== null && at < end;
}
