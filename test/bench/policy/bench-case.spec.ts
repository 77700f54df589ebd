import { describe, expect, it } from 'vitest';
import { loadPolicy, type Snapshot } from '#policy';
import { judge, type BenchCase } from '../bench-case.ts';
import {
  analysisCase,
  decideByTables,
  decisionCase,
  editCase,
  editedVersions,
  incrementally,
} from './case-measured.ts';
import { compiled, loaded } from './loaded.ts';
import { casesOf } from './cases.ts';
import { generatePolicy } from './generated-policy.ts';
import { parametersOf, shapes } from './parameters.ts';

const run = async ({ run }: BenchCase) => run({ rounds: 1, progress: () => {} });

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

  it('measures an editor, and refuses one that gives another snapshot', async () => {
    expect((await run(editCase('random', 400, incrementally))).figures['median ms']).toBeGreaterThan(0);
    const stale = editCase('random', 400, (files) => {
      const first: Snapshot = compiled(loaded(files));
      return () => first;
    });
    await expect(run(stale)).rejects.toThrow('another snapshot');
  });

  it('measures a decider, and refuses one that decides otherwise than Casbin', { timeout: 120_000 }, async () => {
    const { figures } = await run(decisionCase('structured', 400, decideByTables, 500));
    expect(figures['decisions/s']).toBeGreaterThan(0);
    await expect(run(decisionCase('structured', 400, () => () => true, 50))).rejects.toThrow(
      'Casbin decides otherwise',
    );
  });

  it('measures an analysis and counts its findings', async () => {
    expect((await run(analysisCase('structured', 400))).figures['findings']).toBeGreaterThan(0);
  });
});
