import { newEnforcer, newModelFromString, StringAdapter } from 'casbin';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Report } from '../codes.js';
import { sampleFiles } from '../spec/sample.js';
import { casbinModel } from './model.js';
import { readRuleLines } from './rule-lines.js';

const read = (text: string) => {
  const report = new Report();
  return { lines: readRuleLines('rules/x.csv', text, report), diagnostics: report.diagnostics };
};

/** What Casbin has after loading the text: line type → rows of columns. */
async function casbinRows(text: string): Promise<string[][]> {
  const enforcer = await newEnforcer(newModelFromString(casbinModel), new StringAdapter(text));
  const model = enforcer.getModel().model;
  const rows: string[][] = [];
  for (const section of ['p', 'g'])
    for (const [type, { policy }] of model.get(section) ?? []) for (const row of policy) rows.push([type, ...row]);
  return rows;
}

const rowsOf = (lines: ReturnType<typeof readRuleLines>): string[][] =>
  lines.map(({ type, fields }) => [type, ...fields.map(({ text }) => text)]);
/** Casbin takes quotes of a column away twice; only a note can have some. */
const unquoted = (text: string): string =>
  text
    .replaceAll(/^"+|"+$/g, '')
    .replaceAll(/"+/g, '"')
    .trim();
const sorted = (rows: string[][]): string[] =>
  [...new Set(rows.map((row) => JSON.stringify(row.map(unquoted))))].sort();

describe('Casbin reads the same rules as we do', () => {
  it('from the sample hospital', async () => {
    const text = [...sampleFiles()]
      .filter(([file]) => file.endsWith('.csv') && file.startsWith('rules/'))
      .map(([, content]) => content)
      .join('\n');
    const { lines, diagnostics } = read(text);
    expect(diagnostics).toEqual([]);
    expect(lines.length).toBeGreaterThan(200);
    expect(sorted(await casbinRows(text))).toEqual(sorted(rowsOf(lines)));
  });

  it('from any line that we accept', async () => {
    const piece = fc.constantFrom(
      'a',
      'x-1',
      ' ',
      '\t',
      '"',
      '""',
      ',',
      '#',
      '(',
      ')',
      '\u00a0',
      '\u3000',
      "'",
      '\\',
      'é',
      '💉',
      '\uFEFF',
      '\r',
      '\f',
    );
    const column = fc.oneof(
      fc.constantFrom('infusion-pump', 'until 2027-03-31', '"a, b"', '"say ""hi"""', ' spaced out ', '', '""'),
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
    );
    const count = { p: 6, p2: 6, g: 2, g2: 2, g3: 2 } as const;
    const line = fc
      .constantFrom('p', 'p2', 'g', 'g2', 'g3')
      .chain((type) =>
        fc
          .array(column, { minLength: count[type as 'p'], maxLength: count[type as 'p'] })
          .map((columns) => [type, ...columns].join(', ')),
      );
    const seen = { accepted: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        for (const text of lines) {
          const { lines: own, diagnostics } = read(text);
          if (diagnostics.length > 0 || own.length === 0) continue;
          seen.accepted++;
          expect({ text, rows: sorted(await casbinRows(text)) }).toEqual({ text, rows: sorted(rowsOf(own)) });
        }
      }),
      { numRuns: 600 },
    );
    expect(seen.accepted).toBeGreaterThan(100);
  });
});

describe('a rule line', () => {
  it.each([
    [
      'p, a, b, c, allow, always, "one, ""two"""',
      ['a', 'b', 'c', 'allow', 'always', 'one, "two"'],
      [4, 7, 10, 13, 20, 28],
    ],
    ['\tg ,a,   b  ', ['a', 'b'], [5, 10]],
    ['p, a, b, c, deny, until 2027-03-31,', ['a', 'b', 'c', 'deny', 'until 2027-03-31', ''], [4, 7, 10, 13, 19, 36]],
    ['g, "a", "b"', ['a', 'b'], [4, 9]],
    ['g, a#1, b#2', ['a#1', 'b#2'], [4, 9]],
  ])('%s', (text, words, columns) => {
    const { lines, diagnostics } = read(text);
    expect(diagnostics).toEqual([]);
    expect(lines[0]!.fields.map((field) => field.text)).toEqual(words);
    expect(lines[0]!.fields.map(({ span }) => span.column)).toEqual(columns);
    expect(lines[0]!.text).toBe(text.trim());
  });

  it('counts lines through comments, blank lines and CRLF', () => {
    const { lines } = read('# first\r\n\r\n  # indented\r\ng, a, b\r\n');
    expect(lines.map(({ span }) => span)).toEqual([{ file: 'rules/x.csv', line: 4, column: 1 }]);
  });

  it('of a million characters is judged at once', () => {
    const long = 'x'.repeat(1_000_000);
    const start = performance.now();
    for (const text of [
      long,
      `p, ${long}`,
      `p, "${long}`,
      '"a",'.repeat(250_000),
      ','.repeat(1_000_000),
      ' '.repeat(1_000_000),
    ])
      read(text);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});
