import type { FlowRuleSource, Policy } from '../policy.js';
import { cellsOf } from './cells.js';
import type { Placements } from './placements.js';
import { groundOf, sidesOf, type Sides } from './sides.js';
import { standingsOf, type Standing } from './standing.js';
import { heldFrom } from './when-order.js';

export interface FlowRuleStandings {
  readonly standings: ReadonlyMap<FlowRuleSource, Standing>;
  readonly subjects: Sides;
  readonly objects: Sides;
}

/** The standing of every flow rule that has not ended. */
export function judgeFlowRules(policy: Policy, placements: Placements, at: Date): FlowRuleStandings {
  const isHeld = heldFrom(policy.schedules, at);
  const rules = policy.flowRules.filter(({ when }) => isHeld(when));
  const subjectNames = new Set(rules.map(({ subject }) => subject));
  const objectNames = new Set(rules.map(({ object }) => object));
  const ground = groundOf(policy, subjectNames.union(objectNames), placements.byRole);
  const subjects = sidesOf(ground, subjectNames);
  const objects = sidesOf(ground, objectNames);
  const standings = standingsOf(rules, cellsOf(policy, rules, subjects, objects));
  return { standings: new Map(rules.map((rule, i) => [rule, standings[i]!])), subjects, objects };
}
