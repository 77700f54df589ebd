import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffText } from './text-diff.js';

describe('the difference of two texts', () => {
  it('is the lines that go and come, with their numbers', () => {
    expect(diffText('a\nb\nc\nd', 'a\nx\nc\ny\nd')).toEqual(['-    2  b', '+    2  x', '+    4  y']);
    expect(diffText('a\n', 'a\n')).toEqual([]);
  });

  it('shows what can not be seen', () => {
    expect(diffText('a  \r\nb ', 'a\nb')).toEqual(['-    1  a  ␍', '-    2  b·', '+    1  a', '+    2  b']);
  });

  it('leads from the one to the other', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const lines = diffText(a.join('\n'), b.join('\n')).map((line) => [
          line[0],
          Number(line.slice(1, 6)),
          line.slice(8),
        ]);
        const of = (sign: string) => lines.filter(([own]) => own === sign).map(([, number, word]) => [number, word]);
        const without = (all: string[], gone: unknown[][]) => all.filter((_, i) => !gone.some(([at]) => at === i + 1));
        expect(without(a, of('-'))).toEqual(without(b, of('+')));
        for (const [number, word] of of('-')) expect(a[Number(number) - 1]).toBe(word);
        for (const [number, word] of of('+')) expect(b[Number(number) - 1]).toBe(word);
      }),
    );
  });
});
