import { noProvenance } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy, isPolicyFile } from './evaluate.js';

const at = new Date('2026-11-23T12:00:00Z');
const evaluate = (settings: string) =>
  evaluatePolicy(
    policyFiles({ 'cordon.yaml': `check: { severities: { deny-without-effect: ${settings} } }` }),
    at,
    noProvenance,
  );

describe('evaluation of a commit', () => {
  it('reports findings of analysis with a snapshot', () => {
    const evaluated = evaluate('warning');
    expect(evaluated.ok && evaluated.value.testFailures).toEqual([]);
    expect(evaluated.diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toContain(
      'warning deny-without-effect',
    );
  });

  it('refuses for a finding that cordon.yaml makes an error, yet has a snapshot for what must not be held up', () => {
    const evaluated = evaluate('error');
    expect(evaluated.ok && evaluated.value.testFailures.map(({ code }) => code)).toEqual(['deny-without-effect']);
    expect(evaluated.diagnostics.every(({ severity }) => severity !== 'error')).toBe(true);
  });

  it('reads cordon.yaml at the root, and nothing else there but the model', () => {
    expect(['cordon.yaml', 'model.conf', 'rules/a.csv', 'x/cordon.yaml', 'other.yaml'].filter(isPolicyFile)).toEqual([
      'cordon.yaml',
      'model.conf',
      'rules/a.csv',
    ]);
  });
});
