import { describe, expect, it } from 'vitest';
import { loadPolicy, type Snapshot } from '#policy';
import { judge, type BenchCase } from './bench-case.ts';
import { analysisCase, decideByScan, decisionCase, editCase, editedVersions, recompile } from './case-measured.ts';
import { casesOf } from './cases.ts';
import { generatePolicy } from './generated-policy.ts';
import { parametersOf, shapes } from './parameters.ts';

const run = ({ run }: BenchCase) => run({ rounds: 1, progress: () => {} });

describe('a case of the bench', () => {
  it('has a name of its own', () => {
    const names = shapes.flatMap((shape) =>
      [4000, 40_000].flatMap((rules) => casesOf(shape, rules).map(({ name }) => name)),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    [{ figure: 'a', limit: 1, want: 'at most' }, { a: 1 }, 'met'],
    [{ figure: 'a', limit: 1, want: 'at most' }, { a: 1.01 }, 'missed'],
    [{ figure: 'a', limit: 1, want: 'at least' }, { a: 1 }, 'met'],
    [{ figure: 'a', limit: 1, want: 'at least' }, { a: 0.99 }, 'missed'],
    [{ figure: 'a', limit: 1, want: 'at least' }, { b: 2 }, 'not compared'],
  ] as const)('is judged by its target: %o of %o is %s', (target, figures, verdict) => {
    expect(judge(target, { rows: {}, figures, notes: [] })).toBe(verdict);
  });

  it('edits one rule at a time into policies that load', () => {
    const files = generatePolicy(parametersOf('structured', 400));
    let before = files;
    for (const edited of editedVersions(files, 6, 1)) {
      expect(loadPolicy(edited).ok).toBe(true);
      const [old, now] = [before, edited].map((all) => new Set(all.get('rules/flows.csv')!.split('\n')));
      expect(old!.difference(now!).size).toBe(1);
      before = edited;
    }
  });

  it('measures an editor, and refuses one that gives another snapshot', () => {
    expect(run(editCase('random', 400, recompile)).figures['median ms']).toBeGreaterThan(0);
    const stale = editCase('random', 400, (files) => {
      const first: Snapshot = recompile(files)(files);
      return () => first;
    });
    expect(() => run(stale)).toThrow('another snapshot');
  });

  it('measures a decider, and refuses one that decides wrongly', () => {
    expect(run(decisionCase('structured', 400, decideByScan)).figures['decisions/s']).toBeGreaterThan(0);
    expect(() => run(decisionCase('structured', 400, () => () => true))).toThrow('wrong decision');
  });

  it('measures an analysis and counts its findings', () => {
    const figures = run(analysisCase('rules', 'structured', 400, (policy) => policy.flowRules)).figures;
    expect(figures).toMatchObject({ findings: 400 });
  });
});
