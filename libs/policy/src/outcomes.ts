import { lineOf, noRule, type FlowVerdict } from './decide.js';
import type { FlowRule, RuleLine } from './snapshot.js';

/** What sets of rules come to, as numbers: 0 is what no rule names. */
export class Outcomes {
  private readonly verdicts: FlowVerdict[] = [noRule];
  private readonly rules: (readonly FlowRule[])[] = [[]];
  private readonly numbers = new Map<string, number>();
  /** By outcome: what it comes to together with another. */
  private readonly joined: Map<number, number>[] = [];

  of(rules: readonly FlowRule[]): number {
    const key = rules.map(({ id }) => id).join();
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const made = this.verdicts.push(verdictOf(rules)) - 1;
    this.rules.push(rules);
    this.numbers.set(key, made);
    return made;
  }

  /** No rule may be in both. */
  join(a: number, b: number): number {
    if (a === 0 || b === 0) return a + b;
    const joined = (this.joined[a] ??= new Map());
    const known = joined.get(b);
    if (known !== undefined) return known;
    const made = this.of([...this.rules[a]!, ...this.rules[b]!]);
    joined.set(b, made);
    return made;
  }

  verdict(outcome: number): FlowVerdict {
    return this.verdicts[outcome]!;
  }
}

/** Deny overrides allow. */
function verdictOf(rules: readonly FlowRule[]): FlowVerdict {
  const lines = (effect: FlowRule['effect']): RuleLine[] =>
    rules.filter((rule) => rule.effect === effect).map((rule) => lineOf(rule));
  const denies = lines('deny');
  return Object.freeze<FlowVerdict>(
    denies.length > 0
      ? { verdict: 'deny', reason: 'denied by rule', rules: denies }
      : { verdict: 'allow', reason: 'allowed by rule', rules: lines('allow') },
  );
}
