import type { Diagnostic } from '#base';
import { Report } from '../codes.js';
import type { FlowRuleSource, Policy } from '../policy.js';
import { applySettings } from './apply-settings.js';
import { reportBreadth } from './breadth.js';
import { reportClientExceptions } from './client-exceptions.js';
import { reportDates } from './dates.js';
import { judgeFlowRules } from './flow-rules.js';
import { reportIdleRules, whyNoPacket } from './never-matches.js';
import { placementsOf } from './placements.js';
import { reportStanding } from './rule-findings.js';
import { reportServerDown } from './server-down.js';
import { reportSuspicions } from './suspicions.js';
import { reportUnusedNames } from './unused-names.js';

/**
 * What a policy that compiles may have wrong all the same: rules that do nothing, that contradict, that are too broad or
 * about to end, names that nothing uses. Findings don't depend on the time of day: rules with a schedule are judged as in
 * force whenever it is open.
 *
 * Decides what is found. How severe it is, and what is ignored, is said in cordon.yaml: see `applySettings`.
 */
export function analysePolicy(policy: Policy, at: Date): readonly Diagnostic[] {
  const report = new Report();
  const placements = placementsOf(policy, at);
  const { standings, subjects, objects } = judgeFlowRules(policy, placements, at);
  const working: FlowRuleSource[] = [];
  for (const [rule, standing] of standings) {
    reportStanding(rule, standing, () => whyNoPacket(policy, rule, subjects, objects), report);
    if (standing.kind === 'effective' || standing.kind === 'redundant') working.push(rule);
  }
  reportIdleRules(policy, placements, at, report);
  reportBreadth(policy, working, report);
  reportDates(policy, at, policy.settings.expiresSoonDays, report);
  reportClientExceptions(policy, at, policy.settings.expiresSoonDays, report);
  reportSuspicions(policy, report);
  reportServerDown(policy, report);
  reportUnusedNames(policy, report);
  return report.diagnostics;
}

/** What loading and compiling found, and what analysis finds, as cordon.yaml wants it: in order of place. */
export function reviewPolicy(policy: Policy, found: readonly Diagnostic[], at: Date): Diagnostic[] {
  return applySettings(policy, [...found, ...analysePolicy(policy, at)], at);
}
