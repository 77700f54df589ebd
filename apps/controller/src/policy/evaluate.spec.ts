import { noProvenance } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy, Evaluator, isPolicyFile } from './evaluate.js';

const noon = new Date('2026-11-23T11:00:00Z');

function testFailures(parts: Record<string, string>, at = noon) {
  const evaluation = evaluatePolicy(policyFiles(parts), at, noProvenance);
  if (!evaluation.ok) throw new Error(JSON.stringify(evaluation.diagnostics));
  return evaluation.value.testFailures;
}

describe('an evaluator that has seen other policies', () => {
  it('says of each what a new one says', () => {
    const versions = [
      policyFiles({}),
      policyFiles({ 'rules/x.csv': 'p, infusion-pump, nowhere, https, allow, always, x' }),
      policyFiles({ 'audit/x.csv': 'p, infusion-pump, drug-library, dicom, allow, always, x' }),
      policyFiles({}),
    ];
    const evaluator = new Evaluator();
    const asked = versions.flatMap((files) =>
      [false, true].flatMap((isCandidate) =>
        [noProvenance, { ...noProvenance, sites: ['main'] }, { ...noProvenance, sites: ['nowhere'] }].map(
          (provenance) => ({ files, provenance, isCandidate, at: noon, known: new Map<never, never>() }),
        ),
      ),
    );
    for (const request of asked) expect(evaluator.evaluate(request)).toEqual(new Evaluator().evaluate(request));
  });
});

describe('evaluating a policy', () => {
  it('finds no fault in the small one', () => expect(testFailures({})).toEqual([]));

  it('tells a broken invariant with the packet that shows it', () => {
    const text = 'invariants:\n  - { name: x, never: { from: infusion-pump, to: internal, posture: verified } }';
    expect(testFailures({ 'tests/x.yaml': text })).toMatchObject([
      {
        severity: 'error',
        code: 'policy-test-failed',
        summary: expect.stringContaining('test `x`: infusion-pump -> internal any: expected DENY'),
        hint: expect.stringContaining('seen with infusion-pump -> 10.10.4.20 tcp/443'),
      },
    ]);
  });

  it('counts what a schedule will do to a dedicated segment as a test: a policy in force still compiles', () => {
    const parts = {
      'catalog/classes-x.yaml': 'workstation: {}',
      'rules/x.csv': 'p2, workstation, main, verified, pumps, weekend, x',
      'catalog/schedules-x.yaml': 'weekend: { days: [sat], from: "08:00", to: "20:00", timezone: UTC }',
    };
    expect(testFailures(parts)).toMatchObject([
      { code: 'dedicated-segment', summary: expect.stringContaining('from 2026-11-28T08:00:00Z on') },
    ]);
  });
});

const evaluate = (settings: string) =>
  evaluatePolicy(
    policyFiles({ 'cordon.yaml': `check: { severities: { deny-without-effect: ${settings} } }` }),
    noon,
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
