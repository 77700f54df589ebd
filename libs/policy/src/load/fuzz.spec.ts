import type { Diagnostic } from '#base';
import { policyFiles } from '#testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from './load.js';

const tiny = policyFiles();

/** Either a policy, or an error with a place in one of the files. Throws nothing, whatever the text is. */
function judge(files: ReadonlyMap<string, string>): readonly Diagnostic[] {
  const loaded = loadPolicy(files);
  for (const { span, severity, hint, summary } of loaded.diagnostics) {
    expect(summary).not.toBe('');
    expect(hint).not.toBe('');
    if (severity !== 'error') continue;
    expect(span).toBeDefined();
    const lines = files.get(span!.file)!.split('\n');
    expect(span!.line).toBeLessThanOrEqual(lines.length);
    expect(span!.column).toBeLessThanOrEqual(lines[span!.line - 1]!.length + 2);
  }
  expect(loaded.ok).toBe(loaded.diagnostics.every(({ severity }) => severity !== 'error'));
  return loaded.diagnostics;
}

describe('the loader never throws and always tells a place', () => {
  it.each([...tiny.keys()])('for each character that is missing in %s', (file) => {
    const text = tiny.get(file)!;
    let refused = 0;
    for (let i = 0; i < text.length; i++) {
      const found = judge(new Map(tiny).set(file, text.slice(0, i) + text.slice(i + 1)));
      if (found.some(({ severity }) => severity === 'error')) refused++;
    }
    expect(refused).toBeGreaterThan(text.length / 20);
  });

  it('for pieces put in, taken out and copied, in any files', () => {
    const scraps = fc.constantFrom(
      '\0',
      '\uFEFF',
      '\r',
      '"',
      ',',
      '#',
      '*a',
      '&a ',
      '!!x ',
      '? ',
      '<<: ',
      '[',
      '{',
      '}',
      '- ',
      ': ',
      '\n',
      '\t',
      '~',
      '1',
      '%',
      '|',
      '>',
      '---\n',
      '__proto__: ',
      'constructor',
      '\ud800',
    );
    const edit = fc.record({
      file: fc.constantFrom(...tiny.keys()),
      at: fc.nat(),
      cut: fc.nat({ max: 12 }),
      put: fc.oneof(scraps, fc.string({ maxLength: 5 })),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        const files = new Map(tiny);
        for (const { file, at, cut, put } of edits) {
          const text = files.get(file)!;
          const place = at % (text.length + 1);
          files.set(file, text.slice(0, place) + put + text.slice(place + cut));
        }
        judge(files);
      }),
      { numRuns: 400 },
    );
  });

  it('for a quote that is never closed, over several lines', () => {
    for (const [file, text] of tiny) {
      if (!file.endsWith('.yaml')) continue;
      for (let at = 0; at <= text.length; at++)
        judge(new Map([...tiny, [file, `${text.slice(0, at)}'${text.slice(at)}`]]));
    }
  });

  it('for any text as any file', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 }));
    const name = fc.oneof(
      fc.constantFrom(...tiny.keys(), 'model.conf'),
      fc.string({ maxLength: 12 }).map((part) => `rules/${part}`),
    );
    fc.assert(
      fc.property(name, text, (file, content) => void judge(new Map(tiny).set(file, content))),
      { numRuns: 300 },
    );
  });
});

const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
const laughs = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array<string>(9).fill(`*a${i}`).join(', ')}]`),
];

describe('what is made to exhaust the loader is refused in bounded time', () => {
  it.each([
    ['a billion laughs', laughs.join('\n'), 'yaml-syntax'],
    [
      'a million aliases',
      `a: &a {}\n${Array.from({ length: 80_000 }, (_, i) => `b${i}: *a`).join('\n')}`,
      'yaml-syntax',
    ],
    ['lists in lists', `a: ${nested('[', ']', 20_000)}`, 'yaml-syntax'],
    ['maps in maps', `a: ${nested('{a: ', '}', 20_000)}`, 'yaml-syntax'],
    ['lists in lists in block style', `a:\n  ${'- '.repeat(50_000)}x`, 'yaml-syntax'],
    ['a large file', `a: {}\n#${'x'.repeat(2_000_000)}`, 'yaml-syntax'],
    ['an alias of itself', 'a: &a { description: *a }', 'schema'],
    ['one long name', `${'x'.repeat(1_000_000)}: {}`, 'yaml-syntax'],
    ['a NUL in a name', 'a\0b: {}', 'bad-name'],
  ])('%s', { timeout: 20_000 }, (_, text, code) => {
    const start = performance.now();
    const found = judge(policyFiles({ 'catalog/classes-x.yaml': text }));
    expect(found.map((finding) => finding.code)).toContain(code);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('five thousand lines with unknown names', () => {
    const start = performance.now();
    const lines = Array.from({ length: 5_000 }, (_, i) => `p, class-${i}, server-${i}, app-${i}, allow, always, x`);
    expect(judge(policyFiles({ 'rules/x.csv': lines.join('\n') }))).toHaveLength(15_000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
