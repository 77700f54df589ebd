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
  type Interval,
  type ServiceSet,
} from '#net';
import type { FlowRuleSource, Policy } from '../policy.js';
import { servicesOf } from '../resolve.js';
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
  const objectPlaces = new PlacesOfNames(objects);
  const cells = new Map<string, Cell>();
  const seen = new Set<string>();
  for (const { family, names, place } of sourceGroups(subjects, [...bySubject.keys()])) {
    for (const { first, members } of destinationCells(family, names, bySubject, objectPlaces)) {
      const key = `${family} ${members.join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      for (const { found, at } of serviceCells(members, services[family])) {
        const id = found.join();
        if (cells.has(id)) continue;
        cells.set(id, {
          rules: found,
          example: () => ({
            source: subjects.example(place),
            destination: objects.example(first),
            protocol: protocolOf(at),
            port: portOf(at),
          }),
        });
      }
    }
  }
  return [...cells.values()];
}

/** Subject → object → positions of the rules. */
type RuleIndex = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

function indexRules(rules: readonly FlowRuleSource[]): RuleIndex {
  const index = new Map<string, Map<string, number[]>>();
  for (const [i, { subject, object }] of rules.entries()) {
    const byObject = index.get(subject) ?? new Map<string, number[]>();
    index.set(subject, byObject);
    const list = byObject.get(object);
    if (list) list.push(i);
    else byObject.set(object, [i]);
  }
  return index;
}

/** Sources of one family that are the same names. */
interface SourceGroup {
  readonly family: Family;
  readonly names: readonly string[];
  readonly place: number;
}

function sourceGroups(subjects: Sides, names: readonly string[]): SourceGroup[] {
  const groups = new Map<string, SourceGroup>();
  for (const family of families) {
    const lists = names.map((name) => places.intersect(subjects.placesOf(name), subjects.ofFamily[family]));
    for (const { first, members } of sweep(lists, 1)) {
      const key = `${family} ${members.join()}`;
      if (!groups.has(key)) groups.set(key, { family, names: members.map((i) => names[i]!), place: first });
    }
  }
  return [...groups.values()];
}

class PlacesOfNames {
  private readonly known = { 4: new Map<string, readonly Interval<number>[]>(), 6: new Map() };

  constructor(private readonly sides: Sides) {}

  of(name: string, family: Family): readonly Interval<number>[] {
    const before = this.known[family].get(name);
    if (before) return before;
    const found = places.intersect(this.sides.placesOf(name), this.sides.ofFamily[family]);
    this.known[family].set(name, found);
    return found;
  }
}

function* destinationCells(
  family: Family,
  names: readonly string[],
  bySubject: RuleIndex,
  objectPlaces: PlacesOfNames,
): Generator<{ first: number; members: readonly number[] }> {
  const byObject = new Map<string, number[]>();
  for (const name of names) {
    for (const [object, rules] of bySubject.get(name)!) {
      const list = byObject.get(object);
      if (list) list.push(...rules);
      else byObject.set(object, [...rules]);
    }
  }
  const objects = [...byObject.keys()];
  const lists = objects.map((object) => objectPlaces.of(object, family));
  for (const { first, members } of sweep(lists, 1)) {
    const rules = members.flatMap((i) => byObject.get(objects[i]!)!);
    yield { first, members: rules.sort((a, b) => a - b) };
  }
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
): Generator<{ found: readonly number[]; at: number }> {
  const [one] = rules;
  const same = services[one!]!;
  // Most cells have one application only; the sets are shared, so identity tells.
  if (rules.every((rule) => services[rule] === same)) {
    if (same.length > 0) yield { found: rules, at: same[0]!.first };
    return;
  }
  for (const { first, members } of sweep(
    rules.map((rule) => services[rule]!),
    1,
  )) {
    yield { found: members.map((i) => rules[i]!), at: first };
  }
}
