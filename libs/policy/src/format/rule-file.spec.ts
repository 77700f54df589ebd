import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Report } from '../codes.js';
import { columns, readRuleLines, type LineType } from '../load/rule-lines.js';
import { formatRuleFile, writeRuleLine } from './rule-file.js';

function formatted(text: string): string {
  const report = new Report();
  const out = formatRuleFile('rules/x.csv', text, report);
  expect(report.diagnostics).toEqual([]);
  return out;
}

describe('a file of rule lines', () => {
  it.each([
    ['has one blank behind each comma', 'p,a ,b,c,allow,\talways,"n"\n', 'p, a, b, c, allow, always, "n"\n'],
    ['has its notes in quotes', 'p, a, b, c, allow, always, n\n', 'p, a, b, c, allow, always, "n"\n'],
    ['has its notes in quotes, empty ones too', 'p, a, b, c, allow, always,\n', 'p, a, b, c, allow, always, ""\n'],
    ['has no other quotes', 'p, "a", b, c, "allow", always, "n, ""m"""', 'p, a, b, c, allow, always, "n, ""m"""\n'],
    ['keeps quotes that are needed', 'g, "a,b", "c #d"\n', 'g, "a,b", "c #d"\n'],
    ['has no blanks around lines', '  # c  \n  g, a, b  \n \t\ng, c, d', '# c\ng, a, b\n\ng, c, d\n'],
    ['ends lines with LF', '\uFEFFg, a, b\r\n\r\n# c\r\n', 'g, a, b\n\n# c\n'],
    ['ends with one newline', 'g, a, b\n\n\n', 'g, a, b\n'],
    ['keeps blank lines', 'g, a, b\n\n\n\ng, c, d\n', 'g, a, b\n\n\n\ng, c, d\n'],
    ['may be empty', ' \n\n', ''],
  ])('%s', (_, text, expected) => {
    expect(formatted(text)).toBe(expected);
  });

  it('has columns below each other in a block where somebody began to', () => {
    const block = ['g, infusion-pump,   medical-device', 'g, ct, imaging'];
    const aligned = ['g, infusion-pump, medical-device', 'g, ct,            imaging'];
    const apart = ['g, long-name, x', 'g, a, b'];
    for (const end of ['', '# c', 'g2, x, y'])
      expect(formatted([...block, end, ...apart].join('\n'))).toBe([...aligned, end, ...apart, ''].join('\n'));
    expect(formatted('p, a, b, c, allow, always, "x,  y"\np, aa, b, c, allow, always, "z"\n')).toContain('p, a, b,');
  });

  it('is left as it is after an error, and the error is told', () => {
    const report = new Report();
    const text = 'g,a,b\np, a, b # c\n';
    expect(formatRuleFile('rules/x.csv', text, report)).toBe(text);
    expect(report.diagnostics.map(({ code, span }) => `${code} ${span!.line}`)).toEqual(['trailing-comment 2']);
  });
});

/** Whatever a column may hold. */
const word = fc
  .array(fc.constantFrom('a', 'until 2027', ',', '"', '#', ' ', 'é', '-', '(x)', '  '), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('').trim())
  .filter((text) => text !== '');
const blank = fc.constantFrom('', ' ', '  ', '\t');
const line = fc
  .record({ type: fc.constantFrom(...(Object.keys(columns) as LineType[])), words: fc.array(word, { minLength: 6 }) })
  .chain(({ type, words }) => {
    const cells = [type, ...columns[type].map((_, i) => `"${words[i]!.replaceAll('"', '""')}"`)];
    return fc
      .array(fc.tuple(blank, blank), { minLength: cells.length, maxLength: cells.length })
      .map((blanks) => cells.map((cell, i) => `${blanks[i]![0]}${cell}${blanks[i]![1]}`).join(','));
  });
const file = fc
  .array(fc.oneof({ weight: 5, arbitrary: line }, fc.constantFrom('', '  ', '# c, d ', ' #')), { maxLength: 12 })
  .chain((rows) => fc.constantFrom('\n', '\r\n').map((end) => rows.join(end)));

const meaning = (text: string): unknown => {
  const lines = readRuleLines('rules/x.csv', text, new Report());
  return lines.map(({ line: number, type, words, id }) => ({ number, type, words, id }));
};

describe('formatting rule lines', () => {
  it('keeps every line in its place with its words, and changes nothing the second time', () => {
    fc.assert(
      fc.property(file, (text) => {
        const once = formatted(text);
        expect(meaning(once)).toEqual(meaning(text));
        expect(formatted(once)).toBe(once);
        expect(once).not.toMatch(/[ \t\r]$/m);
      }),
    );
  });

  it('keeps a line that it wrote itself', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 2, maxLength: 2 }), (words) => {
        const text = `${writeRuleLine('g', words)}\n`;
        expect(formatted(text)).toBe(text);
        expect(readRuleLines('rules/x.csv', text, new Report())[0]!.words).toEqual(words);
      }),
    );
  });
});
