import type { Diagnostic } from '#base';
import { families, familyOf, formatRange, intersectAddresses, isEmptyAddressSet, type AddressSet } from '#net';
import { Report } from '../codes.js';
import { segmentAt } from '../compile/access.js';
import { builtIn, type FlowRuleSource, type Policy, type SegmentSource } from '../policy.js';
import { addressesOf } from '../resolve.js';
import { Successive } from '../version-memory.js';
import { didYouMean } from './suggest.js';

/** What does not depend on the rules. */
type Names = Pick<Policy, 'classes' | 'endpoints' | 'segments' | 'sites' | 'principalTree' | 'siteTree'>;

/**
 * Checks that need more than one entry at a time. Those that need the access table are in compile/access.ts. What catalog and
 * memberships alone say is found once, however many versions of the rules are checked.
 */
export class ConsistencyCheck {
  private readonly findings: readonly Diagnostic[];
  private readonly segments: readonly Placed[];
  private readonly overlaps = new Map<string, Placed | null>();
  /** Whether the subject of a rule is a class. */
  private readonly ofClasses = new Successive<FlowRuleSource, boolean>(({ id }) => id);

  constructor(private readonly names: Names) {
    const report = new Report();
    checkSegmentNames(names, report);
    checkSegmentsApart(names, report);
    this.findings = report.diagnostics;
    this.segments = placedSegments(names);
  }

  check({ flowRules }: Pick<Policy, 'flowRules'>, report: Report): void {
    report.addAll(this.findings);
    this.checkRulesAndSegments(flowRules, report);
    checkInternet(this.names, flowRules, report);
  }

  /** A segment of which a name's addresses cover some. */
  private overlap(name: string): Placed | null {
    let found = this.overlaps.get(name);
    if (found === undefined) {
      const addresses = addressesOf(this.names, name);
      found = this.segments.find(({ prefixes }) => !isEmptyAddressSet(intersectAddresses(prefixes, addresses))) ?? null;
      this.overlaps.set(name, found);
    }
    return found;
  }

  /** Rules between an endpoint and devices must name the devices' class: an address does not tell who sits there. */
  private checkRulesAndSegments(rules: readonly FlowRuleSource[], report: Report): void {
    const { classes } = this.names;
    const told = new Set<string>();
    const isOfClass = this.ofClasses.map(rules, ({ subject }) => classes.has(subject));
    for (const rule of rules.filter((_, i) => !isOfClass[i])) {
      const objectIsClass = classes.has(rule.object);
      const under = this.overlap(rule.subject);
      const over = objectIsClass ? null : this.overlap(rule.object);
      if (under && !told.has(rule.subject)) {
        told.add(rule.subject);
        const summary = `\`${rule.subject}\` opens connections and covers addresses of segment \`${under.segment.name}\` at \`${under.site}\``;
        const hint = 'write the rule for the device class instead, or narrow the endpoint';
        report.add('subject-overlaps-segment', rule.span, summary, hint);
      }
      if (over) {
        const summary = `\`${rule.object}\` covers addresses of segment \`${over.segment.name}\` at \`${over.site}\``;
        const hint = 'write the rule towards the device class instead, or narrow the endpoint';
        report.add('object-overlaps-segment', rule.span, summary, hint);
      }
      if (!objectIsClass && !under && !over) {
        const summary = `neither \`${rule.subject}\` nor \`${rule.object}\` is a device class`;
        report.add('not-enforced', rule.span, summary, 'keep it as documentation, or name the class on one side');
      }
    }
  }
}

function checkSegmentNames(policy: Names, report: Report): void {
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

function placedSegments(policy: Names): Placed[] {
  return [...policy.segments.values()].flatMap((segment) => segment.sites.map((at) => ({ segment, ...at })));
}

function checkSegmentsApart(policy: Names, report: Report): void {
  checkVlansApart(policy, report);
  for (const family of families) {
    const all = placedSegments(policy)
      .flatMap((placed) => familyOf(placed.prefixes, family).map((range) => ({ placed, range })))
      .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
    let before = all[0];
    for (const at of all.slice(1)) {
      const { placed, range } = at;
      // Of all that start earlier, the one that reaches furthest.
      const widest = before!;
      if (range.last > widest.range.last) before = at;
      if (widest.range.last < range.first) continue;
      const last = range.last < widest.range.last ? range.last : widest.range.last;
      const shared = formatRange({ family, first: range.first, last });
      const summary = `\`${placed.segment.name}\` at \`${placed.site}\` shares ${shared} with \`${widest.placed.segment.name}\` at \`${widest.placed.site}\``;
      report.add(
        'prefix-overlap',
        placed.segment.span,
        summary,
        'an address must tell its segment: make the prefixes disjoint',
      );
    }
  }
}

/** At each site, with the segments that it has from its parent. */
function checkVlansApart(policy: Names, report: Report): void {
  const told = new Set<string>();
  for (const site of policy.sites.keys()) {
    const vlans = new Map<number, SegmentSource>();
    for (const segment of policy.segments.values()) {
      const vlan = segmentAt(policy, segment.name, site)?.vlan;
      if (vlan === undefined) continue;
      const other = vlans.get(vlan) ?? segment;
      vlans.set(vlan, other);
      const key = `${vlan} ${other.name} ${segment.name}`;
      if (other === segment || told.has(key)) continue;
      told.add(key);
      const summary = `VLAN ${vlan} at \`${site}\` is \`${other.name}\` and \`${segment.name}\``;
      report.add('vlan-overlap', segment.span, summary, 'give each segment of a site a VLAN of its own');
    }
  }
}

/** Without `internal`, `internet` would be every address there is: an allow to it would open the hospital. */
function checkInternet(policy: Names, rules: readonly FlowRuleSource[], report: Report): void {
  if (policy.endpoints.has(builtIn.internal)) return;
  const rule = rules.find(({ subject, object }) => subject === builtIn.internet || object === builtIn.internet);
  if (!rule) return;
  const hint = 'declare `internal: { addresses: [10.0.0.0/8, "fd00::/8", …] }` in catalog/endpoints.yaml';
  report.add(
    'no-internal',
    rule.span,
    '`internet` is every address outside `internal`, and there is no `internal`',
    hint,
  );
}
