import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Report } from '../codes.js';
import { formatYamlFile } from './yaml-text.js';

function formatted(text: string): string {
  const report = new Report();
  const out = formatYamlFile('catalog/x.yaml', text, report);
  expect(report.diagnostics).toEqual([]);
  return out;
}

const long = `"${'x '.repeat(100)}x"`;
const lines = (...rows: string[]): string => `${rows.join('\n')}\n`;

describe('a YAML file', () => {
  it.each([
    ['has two blanks per level', lines('a:', '    b:', '        c: 1'), lines('a:', '  b:', '    c: 1')],
    ['has its lists indented', lines('a:', '- b', '-   c'), lines('a:', '  - b', '  - c')],
    ['has blanks inside { } and none inside [ ]', '{a: [ 1,2 ], b: {  }, c: [ ]}', '{ a: [1, 2], b: {}, c: [] }\n'],
    ['keeps what is on one line there', `a: { b: ${long}, c: [1, 2] }`, lines(`a: { b: ${long}, c: [1, 2] }`)],
    [
      'keeps what is on several lines there',
      lines('a: {b: 1,', ' c: [', ' x ] }'),
      lines('a:', '  {', '    b: 1,', '    c:', '      [', '        x', '      ]', '  }'),
    ],
    ['fills a text of several lines', lines('a: one', '   two'), 'a: one two\n'],
    [
      'keeps texts as they are quoted, and numbers as they are written',
      `a: "b"\nc: 'd'\ne: 0x1f\nf: ~\ng:\n`,
      `a: "b"\nc: 'd'\ne: 0x1f\nf: ~\ng:\n`,
    ],
    [
      'keeps comments with what they are about',
      lines(
        '# head',
        '',
        'a: # of a',
        '    # of b  ',
        '    b: 1     # behind',
        '    c: [ 1, # one',
        '      2 ]',
        '# end',
      ),
      lines(
        '# head',
        '',
        'a:',
        '  # of a',
        '  # of b',
        '  b: 1 # behind',
        '  c:',
        '    [',
        '      1, # one',
        '      2',
        '    ]',
        '',
        '# end',
      ),
    ],
    [
      'keeps a text that looks like a comment',
      lines('a: |', '    # no comment', '    x'),
      lines('a: |', '  # no comment', '  x'),
    ],
    ['has one blank line at most', lines('a: 1', '', '', '', 'b: 2'), lines('a: 1', '', 'b: 2')],
    ['has LF and one newline at the end', '\uFEFFa: 1\r\nb: 2\r\n\r\n', 'a: 1\nb: 2\n'],
    ['keeps anchors', 'a: &x   [ 1 ]\nb: *x', 'a: &x [1]\nb: *x\n'],
    ['may hold comments alone', '# a  \n\n# b\n\n', '# a\n\n# b\n'],
    ['may be empty', '\n\n', ''],
  ])('%s', (_, text, expected) => {
    expect(formatted(text)).toBe(expected);
    expect(formatted(expected)).toBe(expected);
  });

  it('is left as it is after an error, and the error is told', () => {
    const report = new Report();
    const text = 'a:   [1\nb: 2\n';
    expect(formatYamlFile('catalog/x.yaml', text, report)).toBe(text);
    expect(report.hasErrors).toBe(true);
  });

  it('is left as it is where its form can not be changed, and that is said', () => {
    const report = new Report();
    // `+` keeps the lines behind the text, and they are blank lines at the end.
    const text = 'b:   1\na: |+\n  x\n\n';
    expect(formatYamlFile('catalog/x.yaml', text, report)).toBe(text);
    expect(report.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['not-formatted', 'warning']]);
  });
});

const pieces = fc.array(
  fc.constantFrom(
    'a',
    'b',
    ': ',
    ':\n',
    '\n',
    '\n\n\n',
    '\r\n',
    '  ',
    '    ',
    '# c\n',
    ' # d  \n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    'x y',
    '"q\n q"',
    "'s'",
    '|\n',
    '>\n',
    '>-\n',
    '&a ',
    '*a',
    '? ',
    'long '.repeat(30),
    '1e3',
    '0x10',
    'null',
    '~',
    '!!str ',
    '---\n',
    '...\n',
    '\t',
    '#',
    '👩‍⚕️',
  ),
  { maxLength: 20 },
);
/** Well-formed more often than not. */
const entries = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c-d', '"e f"', '10'),
    value: fc.constantFrom(
      '1',
      '{x: 1,y: [ a,b ]}',
      '[ a,\n  b ]',
      '\n    z: "q"\n    w: >\n      f g',
      '"s # t"',
      'p\n  q',
      '',
    ),
    above: fc.constantFrom('', '# c\n', '\n\n', '#\n# d  \n'),
    behind: fc.constantFrom('', ' # e', '   '),
  }),
  { maxLength: 8 },
);
const text = fc.oneof(
  pieces.map((parts) => parts.join('')),
  entries.map((list) =>
    list
      .map(({ key, value, above, behind }, i) => `${above}${key}${i}: ${value}${behind}\n`.replaceAll('"e f"', 'e f'))
      .join(''),
  ),
);

describe('formatting YAML', () => {
  it('keeps values and comments, and changes nothing the second time', () => {
    let changed = 0;
    fc.assert(
      fc.property(text, (before) => {
        const report = new Report();
        const once = formatYamlFile('x.yaml', before, report);
        if (report.diagnostics.length > 0) {
          expect(once).toBe(before);
          return;
        }
        if (once !== before) changed++;
        expect(formatted(once)).toBe(once);
        expect(once.split('#').length).toBe(before.split('#').length);
        if (!before.includes('*')) expect(parse(once, options)).toEqual(parse(before, options));
      }),
      { numRuns: 1000, examples: [['? ? ']] },
    );
    expect(changed).toBeGreaterThan(100);
  });
});

/** Keys that are maps stay maps: as texts they would differ in form. */
const options = { uniqueKeys: false, strict: false, logLevel: 'silent', mapAsMap: true } as const;
