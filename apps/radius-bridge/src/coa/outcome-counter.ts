import { describeErrorCause, type DynamicAuthorizationReply } from '#radius';
import type { CoaKind } from './coa-client.js';

/**
 * The counter of what became of a request: `coa.outcome.CoA-Request.nak.503`. An Error-Cause that no RFC knows counts as
 * `other`: a NAS may send any number, and each would be a counter of its own.
 */
export function outcomeCounter(kind: CoaKind, answer: DynamicAuthorizationReply | 'timeout'): string {
  if (answer === 'timeout') return `coa.outcome.${kind}.timeout.none`;
  const { outcome, errorCause } = answer;
  const isKnown = errorCause !== null && describeErrorCause(errorCause) !== `cause ${errorCause}`;
  return `coa.outcome.${kind}.${outcome}.${errorCause === null ? 'none' : isKnown ? errorCause : 'other'}`;
}
