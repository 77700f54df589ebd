import { canonicalJson } from '#base';
import { policyFiles } from '#testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { sampleFiles } from '../spec/sample.js';
import { formatPolicy } from './format-policy.js';

const after = (files: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...files, ...formatPolicy(files).changed]);

/** All of a policy but where it stands and how its lines are spelled. */
function meaning(files: ReadonlyMap<string, string>): string {
  const loaded = loadPolicy(files);
  if (!loaded.ok) return JSON.stringify(loaded.diagnostics.map(({ code }) => code));
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return [...value].map(plain);
    if (value instanceof Date) return value.toISOString();
    if (typeof value === 'bigint') return `${value}n`;
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => (key === 'span' || key === 'text' ? [] : [[key, plain(inner)]])),
    );
  };
  return canonicalJson(plain(loaded.value));
}

describe('formatting a policy', () => {
  it('changes nothing in the sample hospital', () => {
    const { changed, looked, diagnostics } = formatPolicy(sampleFiles());
    expect([...changed.keys()]).toEqual([]);
    expect(diagnostics).toEqual([]);
    expect(looked).toBeGreaterThan(20);
  });

  it('leaves files alone that nobody reads, and says so', () => {
    const files = policyFiles({ 'rules/README.md': 'a,b', 'rules/.x.csv': 'g,a,b', 'rules/x.txt': 'a,b' });
    const { changed, diagnostics } = formatPolicy(files);
    expect([...changed.keys()]).toEqual([]);
    expect(diagnostics.map(({ code }) => code)).toEqual(['unknown-file']);
  });

  it('formats what it can and tells what it can not', () => {
    const files = policyFiles({
      'rules/a.csv': 'g,library-1,more',
      'rules/b.csv': 'g,a',
      'catalog/sites-x.yaml': 'a: {',
    });
    const { changed, diagnostics } = formatPolicy(files);
    expect([...changed]).toEqual([['rules/a.csv', 'g, library-1, more\n']]);
    expect(diagnostics.map(({ span }) => span!.file)).toEqual(['catalog/sites-x.yaml', 'rules/b.csv']);
  });

  it('keeps its meaning, however it is laid out, and changes nothing the second time', () => {
    const tiny = policyFiles();
    const layout = fc.record({
      blanks: fc.constantFrom(', ', ',', ' ,  ', ',\t'),
      end: fc.constantFrom('\n', '\r\n', '  \n', '\n\n'),
      above: fc.constantFrom('', '# c\n', '\n\n'),
    });
    let changed = 0;
    fc.assert(
      fc.property(fc.array(layout, { minLength: tiny.size, maxLength: tiny.size }), (layouts) => {
        const files = new Map(
          [...tiny].map(([file, text], i) => {
            const { blanks, end, above } = layouts[i]!;
            return [file, above + text.replaceAll(', ', file.endsWith('.csv') ? blanks : ',   ').replaceAll('\n', end)];
          }),
        );
        const once = after(files);
        changed += formatPolicy(files).changed.size;
        expect(formatPolicy(once).changed.size).toBe(0);
        expect(meaning(once)).toBe(meaning(files));
        expect(loadPolicy(once).ok).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(0);
  });
});
