import type { AuthorizationStep } from '#model';
import { authorizationSteps } from '#model';
import type { DynamicAuthorizationReply } from '#radius';
import { describe, expect, it } from 'vitest';
import { judgeAnswer, type Consequence } from './judge-answer.js';

const ack: DynamicAuthorizationReply = { outcome: 'ack', errorCause: null, cause: null };
const nak = (errorCause: number | null): DynamicAuthorizationReply => ({
  outcome: 'nak',
  errorCause,
  cause: errorCause === null ? null : `cause-${errorCause}`,
});

describe('judgeAnswer', () => {
  it.each<[AuthorizationStep, Consequence]>([
    ['coa', 'told'],
    ['reauthenticate', 'promised'],
    ['disconnect', 'ended'],
    ['bounce', 'promised'],
  ])('an acknowledged %s: %s', (step, consequence) => {
    expect(judgeAnswer(step, ack, false)).toEqual({ consequence, why: null });
  });

  it.each(authorizationSteps)('silence after %s never leads to a harsher step', (step) => {
    for (const isShutOut of [true, false])
      expect(judgeAnswer(step, 'timeout', isShutOut)).toEqual({ consequence: 'later', why: 'no answer' });
  });

  it.each<[string, number | null, Consequence]>([
    ['without a cause', null, 'next'],
    ['a missing attribute', 402, 'next'],
    ['an attribute that the switch does not know', 401, 'never'],
    ['no CoA at all', 406, 'never'],
    ['no resources', 506, 'later'],
    ['a proxy that failed', 505, 'later'],
    ['an unknown session', 503, 'ended'],
    ['a request that it will make itself', 507, 'promised'],
  ])('a refusal with %s, whatever is wanted', (_, cause, consequence) => {
    for (const isShutOut of [true, false])
      expect(judgeAnswer('coa', nak(cause), isShutOut).consequence).toBe(consequence);
  });

  it('a value that the switch can not hold leaves the device where it is, unless it is to be shut out', () => {
    expect(judgeAnswer('coa', nak(407), false).consequence).toBe('later');
    expect(judgeAnswer('coa', nak(407), true).consequence).toBe('next');
  });

  it('says in words why', () => {
    expect(judgeAnswer('coa', nak(506), false).why).toBe(
      'refused with cause-506: the switch has no resources left for it',
    );
    expect(judgeAnswer('coa', nak(null), false).why).toBe('refused: the switch gave no reason');
  });
});
