import { families, familyOf, formatRange, intersectAddresses, isEmptyAddressSet, type AddressSet } from '#net';
import type { Report } from '../codes.js';
import type { Policy, SegmentSource } from '../policy.js';
import { addressesOf } from '../resolve.js';
import { didYouMean } from './suggest.js';

/** Checks that need more than one entry at a time. Those that need the access table are in compile/access.ts. */
export function checkConsistency(policy: Policy, report: Report): void {
  checkSegmentNames(policy, report);
  checkSegmentsApart(policy, report);
  checkRulesAndSegments(policy, report);
}

function checkSegmentNames(policy: Policy, report: Report): void {
  for (const segment of policy.segments.values()) {
    for (const [field, name] of [
      ['dedicatedTo', segment.dedicatedTo],
      ['role', segment.role],
    ] as const) {
      if (name === null || policy.classes.has(name)) continue;
      const hint = didYouMean(name, policy.classes.keys(), 'declare it in catalog/classes.yaml');
      report.add('unknown-name', segment.span, `${field}: \`${name}\` is not a device class`, hint);
    }
    for (const { site } of segment.sites) {
      if (policy.sites.has(site)) continue;
      const hint = didYouMean(site, policy.sites.keys(), 'declare it in catalog/sites.yaml');
      report.add('unknown-name', segment.span, `segment \`${segment.name}\`: \`${site}\` is not a site`, hint);
    }
  }
}

interface Placed {
  readonly segment: SegmentSource;
  readonly site: string;
  readonly vlan: number;
  readonly prefixes: AddressSet;
}

function placedSegments(policy: Policy): Placed[] {
  return [...policy.segments.values()].flatMap((segment) => segment.sites.map((at) => ({ segment, ...at })));
}

function checkSegmentsApart(policy: Policy, report: Report): void {
  const vlans = new Map<string, Placed>();
  for (const placed of placedSegments(policy)) {
    const key = `${placed.site} ${placed.vlan}`;
    const other = vlans.get(key);
    if (other) {
      const summary = `VLAN ${placed.vlan} at \`${placed.site}\` is \`${other.segment.name}\` and \`${placed.segment.name}\``;
      report.add('vlan-overlap', placed.segment.span, summary, 'give each segment of a site a VLAN of its own');
    } else vlans.set(key, placed);
  }
  for (const family of families) {
    const all = placedSegments(policy)
      .flatMap((placed) => familyOf(placed.prefixes, family).map((range) => ({ placed, range })))
      .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
    for (const [i, { placed, range }] of all.entries()) {
      const before = all[i - 1];
      if (!before || before.range.last < range.first) continue;
      const summary = `\`${placed.segment.name}\` at \`${placed.site}\` shares ${formatRange({ family, ...range })} with \`${before.placed.segment.name}\` at \`${before.placed.site}\``;
      report.add(
        'prefix-overlap',
        placed.segment.span,
        summary,
        'an address must tell its segment: make the prefixes disjoint',
      );
    }
  }
}

/** Rules between an endpoint and devices must name the devices' class: an address does not tell who sits there. */
function checkRulesAndSegments(policy: Policy, report: Report): void {
  const segments = placedSegments(policy);
  const known = new Map<string, Placed | undefined>();
  const overlap = (name: string): Placed | undefined => {
    if (!known.has(name)) {
      const addresses = addressesOf(policy, name);
      known.set(
        name,
        segments.find(({ prefixes }) => !isEmptyAddressSet(intersectAddresses(prefixes, addresses))),
      );
    }
    return known.get(name);
  };
  const told = new Set<string>();
  for (const rule of policy.flowRules) {
    const subjectIsClass = policy.classes.has(rule.subject);
    const objectIsClass = policy.classes.has(rule.object);
    if (subjectIsClass) continue;
    const under = overlap(rule.subject);
    const over = objectIsClass ? undefined : overlap(rule.object);
    if (under && !told.has(rule.subject)) {
      told.add(rule.subject);
      const summary = `\`${rule.subject}\` opens connections and covers addresses of segment \`${under.segment.name}\` at \`${under.site}\``;
      report.add(
        'subject-overlaps-segment',
        rule.span,
        summary,
        'write the rule for the device class instead, or narrow the endpoint',
      );
    }
    if (over) {
      const summary = `\`${rule.object}\` covers addresses of segment \`${over.segment.name}\` at \`${over.site}\``;
      report.add(
        'object-overlaps-segment',
        rule.span,
        summary,
        'write the rule towards the device class instead, or narrow the endpoint',
      );
    }
    if (!objectIsClass && !under && !over) {
      const summary = `neither \`${rule.subject}\` nor \`${rule.object}\` is a device class`;
      report.add('not-enforced', rule.span, summary, 'keep it as documentation, or name the class on one side');
    }
  }
}
