import type { AccessRuleSource, FlowRuleSource, Policy, RuleSource } from '../policy.js';
import { Successive } from '../version-memory.js';
import { formatWhen, isActive } from '../when.js';

/** Which rules of one version after another have a condition: few, as a rule, so that the others need not be looked at. */
export class Conditions {
  private readonly flows = new Successive<FlowRuleSource, boolean>(({ id }) => id);
  private readonly accesses = new Successive<AccessRuleSource, boolean>(({ id }) => id);

  of({ flowRules, accessRules, schedules }: Pick<Policy, 'flowRules' | 'accessRules' | 'schedules'>, at: Date) {
    const known = new Map<string, boolean>();
    const isInForce = ({ when }: RuleSource): boolean => {
      const text = formatWhen(when);
      const active = known.get(text) ?? isActive(when, schedules, at);
      known.set(text, active);
      return active;
    };
    return {
      flows: new RulesInForce(flowRules, this.flows.map(flowRules, isConditional), isInForce),
      accesses: new RulesInForce(accessRules, this.accesses.map(accessRules, isConditional), isInForce),
    };
  }
}

const isConditional = ({ when }: RuleSource): boolean => when.kind !== 'always';

/** Rules at one instant. */
export class RulesInForce<R extends RuleSource> {
  /** Those with a condition. */
  readonly conditional: readonly R[];
  /** By rule: whether it is in force; null: all are. */
  readonly active: readonly boolean[] | null;
  /** Those in force. */
  readonly rules: readonly R[];

  constructor(
    readonly all: readonly R[],
    isConditional: readonly boolean[],
    isInForce: (rule: R) => boolean,
  ) {
    this.conditional = isConditional.includes(true) ? all.filter((_, i) => isConditional[i]) : [];
    if (this.conditional.every(isInForce)) {
      this.active = null;
      this.rules = all;
    } else {
      const active = isConditional.map((conditional, i) => !conditional || isInForce(all[i]!));
      this.active = active;
      this.rules = all.filter((_, i) => active[i]);
    }
  }
}
