import { canonicalJson, remembered, type Diagnostic } from '#base';
import { stateOf, type EnforcementRules, type EnforcementState } from '#model';
import { Report } from '../codes.js';
import { pointRules } from '../enforcement.js';
import type { Policy } from '../policy.js';
import type { EnforcementPointEntry, Snapshot } from '../snapshot.js';

/** What the driver of a point can't express of what it would have to enforce. No driver is known here, so it comes from outside. */
export type PointCheck = (point: EnforcementPointEntry, state: EnforcementState) => readonly Diagnostic[];

/** The first of these of a point is told; how many more there are, too. */
export function pointFindings(policy: Policy, snapshot: Snapshot, check: PointCheck): readonly Diagnostic[] {
  const report = new Report();
  const known = new Map<string, Map<EnforcementRules, readonly Diagnostic[]>>();
  for (const { span, ...point } of policy.enforcementPoints) {
    const { driver, options } = point;
    const rules = pointRules(snapshot, point);
    // Two thousand switches that are alike have one object of rules, and are asked about once.
    const ofDriver = remembered(known, canonicalJson({ driver, options }), () => new Map());
    const errors = remembered(ofDriver, rules, () =>
      check(point, stateOf(rules)).filter(({ severity }) => severity === 'error'),
    );
    const [first] = errors;
    if (!first) continue;
    const more = errors.length > 1 ? `; and ${errors.length - 1} more` : '';
    report.add('point-unsupported', span, `\`${point.name}\` (${driver}): ${first.summary}${more}`, first.hint);
  }
  return report.diagnostics;
}
