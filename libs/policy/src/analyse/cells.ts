import {
  families,
  IntervalAlgebra,
  portOf,
  protocolOf,
  protocols,
  serviceAlgebra,
  serviceKey,
  sweep,
  type Family,
  type ServiceSet,
} from '#net';
import type { FlowRuleSource, Policy } from '../policy.js';
import { servicesOf } from '../resolve.js';
import { DestinationSweep } from './destination-sweep.js';
import type { SideExample, Sides } from './sides.js';

/** One packet of a cell. */
export interface PacketExample {
  readonly source: SideExample;
  readonly destination: SideExample;
  readonly protocol: number;
  /** Destination port; ICMP: type. */
  readonly port: number;
}

/** All packets that the same rules speak of. Every packet is in one cell, or in none when no rule speaks of it. */
export interface Cell {
  /** Positions in the list of rules, ascending, at least one. */
  readonly rules: readonly number[];
  readonly example: () => PacketExample;
}

const places = new IntervalAlgebra<number>(1);

/**
 * Cuts all packets into cells: sources under the same rules together, for each of these the destinations, within these the
 * services. A set of rules that met before is not looked at again, so classes under the same rules share the work.
 */
export function cellsOf(
  policy: Policy,
  rules: readonly FlowRuleSource[],
  subjects: Sides,
  objects: Sides,
): readonly Cell[] {
  const services = servicesByFamily(policy, rules);
  const bySubject = indexRules(rules);
  const cells = new Map<string, Cell>();
  for (const family of families) {
    const destinations = new DestinationSweep(rules, objects, family);
    for (const { names, place } of sourceGroups(subjects, [...bySubject.keys()], family)) {
      const near = names.flatMap((name) => bySubject.get(name)!);
      destinations.sweep(near, (met, at) => {
        for (const { found, service } of serviceCells(met, services[family])) {
          const id = found.join();
          if (cells.has(id)) continue;
          cells.set(id, {
            rules: found,
            example: () => ({
              source: subjects.example(place),
              destination: objects.example(at),
              protocol: protocolOf(service),
              port: portOf(service),
            }),
          });
        }
      });
    }
  }
  return [...cells.values()];
}

function indexRules(rules: readonly FlowRuleSource[]): ReadonlyMap<string, readonly number[]> {
  return Map.groupBy(rules.keys(), (rule) => rules[rule]!.subject);
}

/** Sources of one family that are the same names. */
interface SourceGroup {
  readonly names: readonly string[];
  readonly place: number;
}

function sourceGroups(subjects: Sides, names: readonly string[], family: Family): SourceGroup[] {
  const groups = new Map<string, SourceGroup>();
  const lists = names.map((name) => places.intersect(subjects.placesOf(name), subjects.ofFamily[family]));
  for (const { first, members } of sweep(lists, 1)) {
    const key = members.join();
    if (!groups.has(key)) groups.set(key, { names: members.map((i) => names[i]!), place: first });
  }
  return [...groups.values()];
}

/** By rule, with what does not exist in this family left out. */
function servicesByFamily(policy: Policy, rules: readonly FlowRuleSource[]): Record<Family, readonly ServiceSet[]> {
  const known = new Map<string, Record<Family, ServiceSet>>();
  const inFamilies = rules.map(({ application }) => {
    const before = known.get(application);
    if (before) return before;
    const all = servicesOf(policy, application);
    const made = { 4: without(all, protocols.icmp6), 6: without(all, protocols.icmp) };
    known.set(application, made);
    return made;
  });
  return { 4: inFamilies.map((each) => each[4]), 6: inFamilies.map((each) => each[6]) };
}

function without(services: ServiceSet, protocol: number): ServiceSet {
  return serviceAlgebra.subtract(services, [{ first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) }]);
}

function* serviceCells(
  rules: readonly number[],
  services: readonly ServiceSet[],
): Generator<{ found: readonly number[]; service: number }> {
  const [one] = rules;
  const same = services[one!]!;
  // Most cells have one application only; the sets are shared, so identity tells.
  if (rules.every((rule) => services[rule] === same)) {
    if (same.length > 0) yield { found: rules, service: same[0]!.first };
    return;
  }
  for (const { first, members } of sweep(
    rules.map((rule) => services[rule]!),
    1,
  )) {
    yield { found: members.map((i) => rules[i]!), service: first };
  }
}
