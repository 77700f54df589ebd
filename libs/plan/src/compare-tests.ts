import { compareText } from '#base';
import { runPolicyTests, type Policy, type PolicyTestFailure, type Snapshot } from '#policy';
import type { TestOutcome, TestsPlan } from './plan.js';

export interface TestedPolicy {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  readonly failures?: readonly PolicyTestFailure[];
}

/**
 * Tests and invariants of both policies, each against its own snapshot. What is newly broken stands apart from what was
 * broken before; what was taken away stands apart from what was fixed, because nobody watches it any more.
 */
export function compareTests(before: TestedPolicy, after: TestedPolicy): TestsPlan {
  const was = outcomesOf(before);
  const is = outcomesOf(after);
  const isBroken = ({ failures }: TestOutcome): boolean => failures.length > 0;
  const brokenBefore = new Set([...was.values()].filter(({ outcome }) => isBroken(outcome)).map(({ key }) => key));
  const outcomes = [...is.values()];
  const pick = (wanted: (found: Found) => boolean): TestOutcome[] =>
    outcomes.filter(wanted).map(({ outcome }) => outcome);
  return {
    total: outcomes.length,
    newlyBroken: pick(({ outcome, key }) => isBroken(outcome) && !brokenBefore.has(key)),
    stillBroken: pick(({ outcome, key }) => isBroken(outcome) && brokenBefore.has(key)),
    newlyFixed: pick(({ outcome, key }) => !isBroken(outcome) && brokenBefore.has(key)),
    removed: [...was.values()].filter(({ key }) => !is.has(key)).map(({ outcome }) => ({ ...outcome, failures: [] })),
    passed: pick(({ outcome }) => !isBroken(outcome)),
  };
}

interface Found {
  /** Name and meaning: a test that asks something else under the same name is another test. */
  readonly key: string;
  readonly outcome: TestOutcome;
}

function outcomesOf({ policy, snapshot, failures: known }: TestedPolicy): ReadonlyMap<string, Found> {
  const failures = Map.groupBy(known ?? runPolicyTests(policy, snapshot), placeOf);
  const all = [
    ...policy.tests.map((test) => ({ kind: 'test' as const, test })),
    ...policy.invariants.map((test) => ({ kind: 'invariant' as const, test })),
  ];
  const found = all.map(({ kind, test }): Found => {
    const { span, ...meaning } = test;
    const failed = failures.get(placeOf(test)) ?? [];
    return {
      key: `${kind} ${JSON.stringify(meaning)}`,
      outcome: { kind, name: test.name, file: span.file, line: span.line, failures: failed.map((f) => f.summary) },
    };
  });
  found.sort(
    ({ outcome: a }, { outcome: b }) => compareText(a.file, b.file) || a.line - b.line || compareText(a.name, b.name),
  );
  return new Map(found.map((one) => [one.key, one]));
}

const placeOf = ({ name, span }: Pick<PolicyTestFailure, 'name' | 'span'>): string =>
  `${span.file}:${span.line}:${span.column} ${name}`;
