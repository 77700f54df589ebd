import { describe, expect, it } from 'vitest';
import { named, reasonOf } from './log.js';

const thrownBy = (what: () => unknown): unknown => {
  try {
    return what();
  } catch (error) {
    return error;
  }
};
const failing = (): never => {
  throw new Error('it is not there');
};

describe('the reason of what was thrown', () => {
  it.each([
    [new Error('fetch failed', { cause: new Error('connect ECONNREFUSED') }), 'fetch failed: connect ECONNREFUSED'],
    [new Error('alone'), 'alone'],
    ['a text', 'a text'],
  ])('of %s is all that is known', (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });

  it('says once what it is of, and why', () => {
    expect(reasonOf(thrownBy(() => named('the key', failing)))).toBe('the key: it is not there');
    const twice = thrownBy(() => named('authority `a`', () => named('the list', failing)));
    expect(reasonOf(twice)).toBe('authority `a`: the list: it is not there');
  });
});
