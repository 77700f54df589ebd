import { assertNever } from '#base';
import type { AuthorizationStep } from '#model';
import { explainErrorCause, type DynamicAuthorizationReply } from '#radius';

/**
 * What follows from an answer.
 *
 *   told      the NAS has the new authorization          ended   the session is gone
 *   promised  the NAS will ask: its Access-Request is waited for
 *   later     the same step again, after a while         next    the next step
 *   never     the next step, and this one no more for any session of the NAS
 */
export type Consequence = 'told' | 'ended' | 'promised' | 'later' | 'next' | 'never';

export interface Judgement {
  readonly consequence: Consequence;
  /** For people; null after an acknowledgement. */
  readonly why: string | null;
}

const acknowledged: Readonly<Record<AuthorizationStep, Consequence>> = {
  coa: 'told',
  reauthenticate: 'promised',
  disconnect: 'ended',
  bounce: 'promised',
};

/**
 * Silence is no refusal: a switch that is down, or can't be reached, has not said that it can't do the gentle thing, and would
 * not hear the harsh one either. So the step stays the same however long it lasts.
 *
 * `isShutOut`: the session goes to quarantine or has no access any more. Only then is it right to take the next step from a
 * switch that can't hold the new authorization, because losing the port is no worse than what is wanted.
 */
export function judgeAnswer(
  step: AuthorizationStep,
  answer: DynamicAuthorizationReply | 'timeout',
  isShutOut: boolean,
): Judgement {
  if (answer === 'timeout') return { consequence: 'later', why: 'no answer' };
  if (answer.outcome === 'ack') return { consequence: acknowledged[step], why: null };
  const { reaction, meaning } = explainErrorCause(answer.errorCause);
  const why = `refused${answer.cause === null ? '' : ` with ${answer.cause}`}: ${meaning}`;
  switch (reaction) {
    case 'next':
    case 'never':
      return { consequence: reaction, why };
    case 'wait':
      return { consequence: 'later', why };
    case 'unfit':
      return { consequence: isShutOut ? 'next' : 'later', why };
    case 'gone':
      return { consequence: 'ended', why };
    case 'initiated':
      return { consequence: 'promised', why };
    default:
      return assertNever(reaction);
  }
}
