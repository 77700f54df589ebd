import {
  addressSet,
  formatRange,
  isEmptyAddressSet,
  protocols,
  rangesOf,
  serviceAlgebra,
  serviceKey,
  subtractAddresses,
  type AddressSet,
  type ServiceSet,
} from '#net';
import { indexOf, lineOf } from '../decide.js';
import type { FlowQuery, VerdictPart } from '../explain.js';
import type { Effect, FlowRule, RuleLine, Snapshot } from '../snapshot.js';
import { applicationPath, principalPath, type MembershipPath } from './memberships.js';
import { nearestRules, type ExamplePacket, type NearRule } from './nearest.js';
import { describeServices, exampleOf } from './services.js';

/** A rule that matches, and by which memberships. */
export interface MatchingRule extends RuleLine {
  readonly effect: Effect;
  readonly when: string;
  readonly note: string;
  /** False for an allow that a deny overrides. */
  readonly decides: boolean;
  readonly paths: {
    readonly subject: MembershipPath;
    readonly object: MembershipPath;
    readonly application: MembershipPath;
  };
}

/** All of `from` × `to` × `services`. */
export interface PacketBox {
  /** A class, what was asked about as a whole, or addresses. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly services: string;
}

/** The packets of a question on which the same rules match. */
export interface ExplainedPart {
  readonly verdict: 'allow' | 'deny';
  readonly reason: string;
  readonly example: ExamplePacket;
  /** Disjoint; together all packets of this part. */
  readonly packets: readonly PacketBox[];
  /** All that match, those that decide first. None: the default deny. */
  readonly rules: readonly MatchingRule[];
  /** For the default deny: the allows that come nearest, at most five. */
  readonly nearest: readonly NearRule[];
}

/** Allowed parts first, then what rules deny, then what no rule names; each in the order in which policy divides it. */
export function explainParts(
  snapshot: Snapshot,
  query: FlowQuery,
  parts: readonly VerdictPart[],
): readonly ExplainedPart[] {
  const groups = new Map<string, { matching: readonly FlowRule[]; parts: VerdictPart[] }>();
  for (const part of parts) {
    const matching = matchingRules(snapshot, part);
    const key = matching.map(({ id }) => id).join(' ');
    const group = groups.get(key);
    if (group) group.parts.push(part);
    else groups.set(key, { matching, parts: [part] });
  }
  const whole = wholeOf(query, parts);
  const explained = [...groups.values()].map((group) => explainGroup(snapshot, query, whole, group));
  const rank = ({ verdict, rules }: ExplainedPart): number => (verdict === 'allow' ? 0 : rules.length > 0 ? 1 : 2);
  return explained.sort((a, b) => rank(a) - rank(b));
}

/** Every rule in force that matches a part, in the order of the policy. All packets of a part are alike to all rules. */
function matchingRules(snapshot: Snapshot, { sources, destinations, services }: VerdictPart): FlowRule[] {
  const index = indexOf(snapshot);
  const key = services[0]?.first;
  if (key === undefined) return [];
  return [...sources]
    .flatMap((source) => index.bySubject.get(source) ?? [])
    .filter(({ object }) => destinations.has(object))
    .filter(({ application }) => serviceAlgebra.contains(index.services.get(application) ?? [], key));
}

interface Whole {
  readonly query: FlowQuery;
  readonly from: AddressSet;
  readonly to: AddressSet;
  readonly services: ServiceSet;
}

/** Parts are complete, so together they are what was asked about. */
function wholeOf(query: FlowQuery, parts: readonly VerdictPart[]): Whole {
  return {
    query,
    from: union(parts.map(({ fromAddresses }) => fromAddresses)),
    to: union(parts.map(({ toAddresses }) => toAddresses)),
    services: serviceAlgebra.normalize(parts.flatMap(({ services }) => services)),
  };
}

function explainGroup(
  snapshot: Snapshot,
  query: FlowQuery,
  whole: Whole,
  { matching, parts }: { matching: readonly FlowRule[]; parts: readonly VerdictPart[] },
): ExplainedPart {
  const part = parts[0]!;
  const service = exampleOf(part.services);
  const isDefault = matching.length === 0;
  const effect = part.verdict;
  return {
    verdict: part.verdict,
    reason: part.reason,
    example: { from: part.from, to: part.to, service: service.label },
    packets: packetsOf(whole, parts),
    rules: matching
      .map((rule) => ({
        ...lineOf(rule),
        effect: rule.effect,
        when: rule.when,
        note: rule.note,
        decides: rule.effect === effect,
        paths: {
          subject: principalPath(snapshot, { name: query.from, label: part.from }, rule.subject),
          object: principalPath(snapshot, { name: query.to, label: part.to }, rule.object),
          application: applicationPath(snapshot, { name: query.app, ...service }, rule.application),
        },
      }))
      .sort((a, b) => Number(b.decides) - Number(a.decides)),
    nearest: isDefault ? nearestRules(snapshot, query, parts) : [],
  };
}

/** The parts as few boxes: joined over destinations, then over sources, where all else is the same. */
function packetsOf(whole: Whole, parts: readonly VerdictPart[]): PacketBox[] {
  // By labels first, each of which stands for one set of addresses: sets are joined and written once per box.
  const bySource = Map.groupBy(
    parts.map((part) => ({ part, text: servicesOf(whole, part) })),
    ({ part, text }) => `${part.from} ${text}`,
  );
  const boxes = Map.groupBy(
    bySource.values(),
    (same) => `${same.map(({ part }) => part.to).join(' ')} ${same[0]!.text}`,
  );
  return [...boxes.values()].map((rows) => {
    const [row] = rows as [(typeof rows)[number]];
    const { part, text } = row[0]!;
    const froms = rows.map((each) => each[0]!.part.fromAddresses);
    const tos = row.map((each) => each.part.toAddresses);
    return {
      from: endOf(part.from, froms, whole.from, whole.query.from),
      to: endOf(part.to, tos, whole.to, whole.query.to),
      services: text,
    };
  });
}

/** A class by its label; addresses by the name that was asked about when they are all of it. */
function endOf(
  label: string,
  sets: readonly (AddressSet | null)[],
  asked: AddressSet,
  name: string,
): readonly string[] {
  if (sets[0] === null) return [label];
  const all = union(sets);
  return isEmptyAddressSet(subtractAddresses(asked, all)) ? [name] : rangesOf(all).map(formatRange);
}

/** "Any" is the same words in both families, though each has its own ICMP. */
function servicesOf({ query, services }: Whole, part: VerdictPart): string {
  const family = [part.fromAddresses, part.toAddresses].flatMap((set) => (set ? [set.v4.length > 0 ? 4 : 6] : []))[0];
  if (family === undefined) return describeServices(part.services, { name: query.app, services });
  const other = family === 4 ? protocols.icmp6 : protocols.icmp;
  const foreign = [{ first: serviceKey(other, 0), last: serviceKey(other, 0xffff) }];
  return describeServices(part.services, { name: query.app, services: serviceAlgebra.subtract(services, foreign) });
}

/** Parts share the sets of their ends: each counts once. */
function union(sets: readonly (AddressSet | null)[]): AddressSet {
  return addressSet([...new Set(sets)].flatMap((set) => (set ? rangesOf(set) : [])));
}
