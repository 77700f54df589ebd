import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDiagnostics, formatDiagnostic, type Diagnostic, type Severity } from './diagnostic.js';

const finding = (place: string, severity: Severity = 'error', code = 'schema', summary = 'x'): Diagnostic => {
  const [file = '', line, column] = place.split(':');
  const about = { severity, code, summary, hint: 'y' };
  return place === '' ? about : { ...about, span: { file, line: Number(line), column: Number(column) } };
};

describe('diagnostics', () => {
  it('stand in order of place, then severity, code and text, however they come', () => {
    const sorted = [
      finding(''),
      finding('a:1:1'),
      finding('a:2:9'),
      finding('a:10:1'),
      finding('a:10:2', 'error', 'schema', 'x'),
      finding('a:10:2', 'error', 'schema', 'z'),
      finding('a:10:2', 'error', 'yaml'),
      finding('a:10:2', 'warning', 'a'),
      finding('a:10:2', 'info', 'a'),
      finding('b:1:1'),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (mixed) => {
        expect([...mixed].sort(compareDiagnostics)).toEqual(sorted);
      }),
    );
  });

  it('are written with place, severity, code, what and what to do', () => {
    expect(formatDiagnostic(finding('a:1:2', 'warning'))).toBe('a:1:2: warning schema: x\n    y');
    expect(formatDiagnostic(finding(''))).toBe('error schema: x\n    y');
  });

  it('name the places that have to do with them, few enough to read', () => {
    const related = Array.from({ length: 7 }, (_, i) => ({
      span: { file: 'b', line: i + 1, column: 9 },
      summary: `rule ${i}`,
    }));
    const shown = ['rule 0', 'rule 1', 'rule 2', 'rule 3', 'rule 4'].map((rule, i) => `    b:${i + 1}: ${rule}`);
    const text = (count: number): string => formatDiagnostic({ ...finding('a:1:2'), related: related.slice(0, count) });
    expect(text(2)).toBe(['a:1:2: error schema: x', ...shown.slice(0, 2), '    y'].join('\n'));
    expect(text(7)).toBe(['a:1:2: error schema: x', ...shown, '    and 2 more', '    y'].join('\n'));
  });
});
