import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from './text-pattern.js';

describe('a pattern', () => {
  it.each([
    ['alaris-*', 'alaris-8015', true],
    ['alaris-*', 'alaris-', true],
    ['alaris-*', 'alaris', false],
    ['alaris-*', 'an alaris-8015', false],
    ['*8015', 'alaris-8015', true],
    ['*pump*', 'a pump of ours', true],
    ['*pump*', 'a monitor', false],
    ['a*b*c', 'a1b2b3c', true],
    ['a*b*c', 'acb', false],
    ['aba*ba', 'aba', false],
    ['aba*ba', 'ababa', true],
    ['*', '', true],
    ['**', 'x', true],
    ['MSFT 5.0', 'msft 5.0', true],
    ['msft 5.0', 'MSFT 5.0', true],
    ['msft 5.0', 'MSFT 5x0', false],
    ['1,3,6,15,*', '1,3,6,15,28', true],
    ['1,3,6,15', '1,3,6,15,28', false],
    ['(a+)+$', 'aaa', false],
    ['(a+)+$', '(A+)+$', true],
  ])('%s says %s: %s', (pattern, text, says) => {
    expect(matchesPattern(pattern, text)).toBe(says);
  });

  it('means what the same regular expression means', () => {
    const few = (letters: string[]) =>
      fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((list) => list.join(''));
    fc.assert(
      fc.property(few(['a', 'B', '*', '*']), few(['a', 'b']), (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i');
        expect(matchesPattern(pattern, text)).toBe(expression.test(text));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['many parts that nearly fit', `${'*a'.repeat(20_000)}*b`, 'a'.repeat(1_000_000)],
    ['a long part that nearly fits everywhere', `*${'a'.repeat(1000)}b*c`, 'a'.repeat(1_000_000)],
    ['a long part whose start alone is wrong', `*b${'a'.repeat(1000)}*c`, 'a'.repeat(1_000_000)],
  ])('takes no time to speak of: %s', (_, pattern, text) => {
    const since = performance.now();
    expect(matchesPattern(pattern, text)).toBe(false);
    expect(performance.now() - since).toBeLessThan(1000);
  });
});
