import {
  addressAlgebra,
  anyService,
  familyOf,
  formatRange,
  isEmptyAddressSet,
  rangesOf,
  serviceAlgebra,
  subtractAddresses,
  type Family,
  type Interval,
} from '#net';
import type { Report } from '../codes.js';
import { builtIn, type EndpointSource, type FlowRuleSource, type Policy } from '../policy.js';
import { addressesOf, servicesOf } from '../resolve.js';
import { formatRule, listNames, relatedRules } from './wording.js';

/** Allows that open more than anybody can mean. `rules`: those that have an effect. */
export function reportBreadth(policy: Policy, rules: readonly FlowRuleSource[], report: Report): void {
  const allows = rules.filter(({ effect }) => effect === 'allow');
  const isAny = new Map(
    [...new Set(allows.map(({ application }) => application))].map((name) => [
      name,
      serviceAlgebra.equals(servicesOf(policy, name), anyService),
    ]),
  );
  for (const rule of allows) {
    const broad = isAny.get(rule.application) ? everythingAllowed(policy, rule) : null;
    if (broad) report.add('rule-too-broad', rule.span, `\`${formatRule(rule)}\` ${broad[0]}`, broad[1]);
  }
  reportWideEndpoints(policy, allows, report);
}

/** Of an allow of every protocol and port: what is wrong with it, and what to do. */
function everythingAllowed(policy: Policy, { subject, object }: FlowRuleSource): readonly [string, string] | null {
  const named = 'name the applications that are used';
  if (isEverybody(policy, subject) && isEverybody(policy, object))
    return ['opens everything to everybody', 'remove it, and allow what is needed'];
  if (subject === builtIn.internet || object === builtIn.internet)
    return ['opens every protocol and port between here and the internet', named];
  for (const side of [subject, object]) {
    if (!policy.classes.has(side)) continue;
    const critical = policy.principalTree
      .members(side)
      .filter((name) => policy.classes.get(name)?.criticality === 'life-critical');
    if (critical.length > 0)
      return [`opens every protocol and port of life-critical devices: ${listNames(critical)}`, named];
  }
  return null;
}

/** The root class, or an endpoint with everything inside. */
function isEverybody(policy: Policy, name: string): boolean {
  if (name === builtIn.rootClass) return true;
  const internal = policy.endpoints.get(builtIn.internal);
  if (policy.classes.has(name) || !internal) return false;
  return isEmptyAddressSet(subtractAddresses(internal.addresses, addressesOf(policy, name)));
}

/** Fewest addresses of a prefix that is wide: an IPv4 /24, and any IPv6 prefix up to /120. */
const wide = 256n;
/** Of a wide endpoint the known members are few when it is this many times larger. */
const sparse = 16n;

function reportWideEndpoints(policy: Policy, allows: readonly FlowRuleSource[], report: Report): void {
  const small = new SmallEndpoints(policy);
  const bySide = Map.groupBy(
    allows.flatMap((rule) => [rule.subject, rule.object].map((name) => ({ rule, name }))),
    ({ name }) => name,
  );
  for (const [name, uses] of bySide) {
    const endpoint = policy.endpoints.get(name);
    if (!endpoint?.span || name === builtIn.internal) continue;
    // IPv6 subnets are sparse by nature, so IPv4 tells where there is any.
    const family = endpoint.addresses.v4.length > 0 ? 4 : 6;
    const own = familyOf(endpoint.addresses, family);
    const members = sizeOf(own) < wide ? [] : small.inside(own, family);
    const known = members.reduce((sum, { addresses }) => sum + sizeOf(familyOf(addresses, family)), 0n);
    if (members.length === 0 || known * sparse > sizeOf(own)) continue;
    const [first, ...more] = uses.map(({ rule }) => rule);
    const ranges = rangesOf(endpoint.addresses).slice(0, 2).map(formatRange).join(', ');
    const names = listNames(members.map((each) => each.name));
    const summary = `\`${formatRule(first!)}\` allows all of \`${name}\` (${ranges}), where only ${names} ${members.length === 1 ? 'is' : 'are'} known`;
    const hint = `allow these, or make \`${name}\` a group of them (\`g, ${members[0]!.name}, ${name}\`)`;
    const related = [{ span: endpoint.span, summary: `\`${name}\`` }, ...relatedRules(more)];
    report.add('rule-too-broad', first!.span, summary, hint, related);
  }
}

type Ranges = readonly Interval<bigint>[];

/** Endpoints of few addresses in the order of their first one, to find those inside a wide one without asking all. */
class SmallEndpoints {
  private readonly sorted: Readonly<Record<Family, readonly (readonly [bigint, EndpointSource])[]>>;

  constructor(policy: Policy) {
    const endpoints = [...policy.endpoints.values()];
    const firsts = (family: Family): (readonly [bigint, EndpointSource])[] =>
      endpoints.flatMap((endpoint) => {
        const own = familyOf(endpoint.addresses, family);
        return own.length > 0 && sizeOf(own) < wide ? [[own[0]!.first, endpoint] as const] : [];
      });
    const sort = (family: Family) => firsts(family).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.sorted = { 4: sort(4), 6: sort(6) };
  }

  /** Those whose addresses of this family are all in a set. */
  inside(set: Ranges, family: Family): EndpointSource[] {
    const sorted = this.sorted[family];
    return set.flatMap(({ first, last }) => {
      const found: EndpointSource[] = [];
      for (let i = firstFrom(sorted, first); i < sorted.length && sorted[i]![0] <= last; i++) {
        const [, endpoint] = sorted[i]!;
        if (addressAlgebra.isSubset(familyOf(endpoint.addresses, family), set)) found.push(endpoint);
      }
      return found;
    });
  }
}

function firstFrom(sorted: readonly (readonly [bigint, unknown])[], at: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]![0] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sizeOf(ranges: Ranges): bigint {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}
