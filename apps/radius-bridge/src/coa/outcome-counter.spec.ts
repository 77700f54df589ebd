import { describe, expect, it } from 'vitest';
import { outcomeCounter } from './outcome-counter.js';

describe('the counter of a CoA that ended', () => {
  it.each([
    ['timeout', 'coa.outcome.CoA-Request.timeout.none'],
    [{ outcome: 'ack', errorCause: null, cause: null }, 'coa.outcome.CoA-Request.ack.none'],
    [{ outcome: 'nak', errorCause: 503, cause: 'x' }, 'coa.outcome.CoA-Request.nak.503'],
    [{ outcome: 'nak', errorCause: 40_000, cause: 'x' }, 'coa.outcome.CoA-Request.nak.other'],
  ] as const)('%j is %s', (answer, name) => {
    expect(outcomeCounter('CoA-Request', answer)).toBe(name);
  });
});
