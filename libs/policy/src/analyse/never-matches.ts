import { serviceAlgebra, serviceKey, families, protocols, type Family, type ServiceSet } from '#net';
import type { PolicyCode, Report } from '../codes.js';
import type { AccessRuleSource, FlowRuleSource, Policy } from '../policy.js';
import { servicesOf } from '../resolve.js';
import { isUnlocated } from '../workloads.js';
import type { Placements } from './placements.js';
import { unlocatedIn } from '../verify/policy-tests.js';
import type { Sides } from './sides.js';
import { heldFrom } from './when-order.js';

interface Why {
  readonly code?: PolicyCode;
  readonly summary: string;
  readonly hint: string;
}

/** Why there is no packet that a flow rule speaks of. */
export function whyNoPacket(policy: Policy, rule: FlowRuleSource, subjects: Sides, objects: Sides): Why {
  return (
    emptySide(policy, rule.subject, subjects) ??
    emptySide(policy, rule.object, objects) ??
    emptyServices(policy, rule.application) ??
    noCommonFamily(policy, rule, subjects, objects)
  );
}

function emptySide(policy: Policy, name: string, sides: Sides): Why | null {
  if (sides.placesOf(name).length > 0) return null;
  if (isUnlocated(policy, name)) return { code: 'workload-no-address', ...noAddressOf(name) };
  if (!policy.classes.has(name))
    return { summary: `\`${name}\` has no addresses`, hint: 'give it addresses or members, or remove the rule' };
  return {
    summary: `no access rule ever places a device that counts as \`${name}\``,
    hint: `add access rules (\`p2, ${name}, …\`) or a segment with \`role: ${name}\`, or remove the rule`,
  };
}

const noAddressOf = (name: string): Why => ({
  summary: `no address of \`${name}\` is known here`,
  hint: 'a controller that reaches the cluster takes it from there; to have one everywhere, write `addresses` beside `kubernetes`',
});

/** What of the policy's own tests can't be asked here. */
export function reportUnaskedTests(policy: Policy, report: Report): void {
  for (const claim of [...policy.tests, ...policy.invariants])
    for (const name of unlocatedIn(policy, claim)) {
      const { summary, hint } = noAddressOf(name);
      report.add('workload-no-address', claim.span, `\`${claim.name}\` is not asked: ${summary}`, hint);
    }
}

function emptyServices(policy: Policy, application: string): Why | null {
  if (servicesOf(policy, application).length > 0) return null;
  return { summary: `\`${application}\` has no ports`, hint: 'give it ports or members, or remove the rule' };
}

const familyNames: Readonly<Record<Family, string>> = { 4: 'IPv4', 6: 'IPv6' };

function noCommonFamily(policy: Policy, rule: FlowRuleSource, subjects: Sides, objects: Sides): Why {
  const services = servicesOf(policy, rule.application);
  const all: readonly (readonly [string, readonly Family[]])[] = [
    [rule.subject, families.filter((family) => meets(subjects, rule.subject, family))],
    [rule.object, families.filter((family) => meets(objects, rule.object, family))],
    [rule.application, families.filter((family) => existsIn(services, family))],
  ];
  const only = all
    .filter(([, has]) => has.length === 1)
    .map(([name, [family]]) => `\`${name}\` has ${familyNames[family!]} only`);
  return {
    summary: only.join(', '),
    hint: 'give the endpoint addresses of the other family, or the application its ICMP of the other family',
  };
}

function meets(sides: Sides, name: string, family: Family): boolean {
  const own = sides.ofFamily[family];
  return sides.placesOf(name).some((a) => own.some((b) => a.first <= b.last && b.first <= a.last));
}

function existsIn(services: ServiceSet, family: Family): boolean {
  const other = family === 4 ? protocols.icmp6 : protocols.icmp;
  const missing = [{ first: serviceKey(other, 0), last: serviceKey(other, 0xffff) }];
  return !serviceAlgebra.isSubset(services, missing);
}

/** Access rules that decide for nobody, and rules of either kind whose window never opens. */
export function reportIdleRules(policy: Policy, placements: Placements, at: Date, report: Report): void {
  const isHeld = heldFrom(policy.schedules, at);
  for (const rule of [...policy.flowRules, ...policy.accessRules]) {
    if (rule.when.kind !== 'schedule' || isHeld(rule.when)) continue;
    const summary = `the window of \`${rule.when.name}\` never opens`;
    report.add('rule-never-matches', rule.span, summary, 'correct `from` and `to` in catalog/schedules.yaml');
  }
  for (const rule of policy.accessRules) {
    if (placements.deciding.has(rule) || !isHeld(rule.when)) continue;
    const summary = `\`${formatAccess(rule)}\` decides for no device: nearer rules do, for every class and site below`;
    report.add('rule-never-matches', rule.span, summary, 'remove it, or the nearer rules that are wrong');
  }
}

const formatAccess = ({ class: device, site, posture, segment }: AccessRuleSource): string =>
  `p2, ${device}, ${site}, ${posture}, ${segment}`;
