import { canonicalJson, type Diagnostic } from '#base';
import { stateOf, type EnforcementState } from '#model';
import { Report } from '../codes.js';
import { pointRules } from '../enforcement.js';
import type { Policy } from '../policy.js';
import type { EnforcementPointEntry, Snapshot } from '../snapshot.js';

/** What the driver of a point can't express of what it would have to enforce. No driver is known here, so it comes from outside. */
export type PointCheck = (point: EnforcementPointEntry, state: EnforcementState) => readonly Diagnostic[];

/** The first of these of a point is told; how many more there are, too. */
export function pointFindings(policy: Policy, snapshot: Snapshot, check: PointCheck): readonly Diagnostic[] {
  const report = new Report();
  const known = new Map<string, readonly Diagnostic[]>();
  for (const { span, ...point } of policy.enforcementPoints) {
    const { driver, options, site, nas } = point;
    const ofSwitch = snapshot.nas.find(({ name }) => name === nas);
    // Two thousand switches that are alike are asked about once.
    const alike = ofSwitch && { ...ofSwitch, name: null, prefix: null, secret: null, certificate: null };
    const key = canonicalJson({ driver, options, site, alike: alike ?? null });
    let errors = known.get(key);
    if (!errors) {
      errors = check(point, stateOf(pointRules(snapshot, point))).filter(({ severity }) => severity === 'error');
      known.set(key, errors);
    }
    const [first] = errors;
    if (!first) continue;
    const more = errors.length > 1 ? `; and ${errors.length - 1} more` : '';
    report.add('point-unsupported', span, `\`${point.name}\` (${driver}): ${first.summary}${more}`, first.hint);
  }
  return report.diagnostics;
}
