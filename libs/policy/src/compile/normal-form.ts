import { remembered } from '#base';
import {
  AddressPartition,
  joinedCells,
  serviceAlgebra,
  sweep,
  type AddressSet,
  type AtomSet,
  type Interval,
  type ServiceSet,
} from '#net';
import type { Effect, FlowRegion } from '../snapshot.js';

/** A rule as geometry: its effect on every packet of `addresses` × `services`. */
export interface RuleBox {
  readonly id: string;
  readonly effect: Effect;
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
}

/** The same with addresses as atoms of a partition: small numbers, which sweeps compare quickly. */
export interface AtomBox {
  readonly id: string;
  readonly effect: Effect;
  readonly atoms: AtomSet;
  readonly services: ServiceSet;
}

export interface NormalForm {
  /** Allowed and not denied: disjoint. */
  readonly allowed: FlowRegion[];
  /** Denied, whether allowed or not: disjoint. */
  readonly denied: FlowRegion[];
}

/**
 * Deny overrides allow, exactly: one sweep over the addresses splits them where the set of rules changes; within each set
 * of rules a second sweep does the same over the services. Parts with the same services and the same rules are joined.
 */
export function normalForm(rules: readonly RuleBox[]): NormalForm {
  const partition = new AddressPartition(rules.map(({ addresses }) => addresses));
  const boxes = rules.map(({ id, effect, services }, i) => ({ id, effect, services, atoms: partition.atomsOf(i) }));
  return normalFormOfAtoms(boxes, partition);
}

export function normalFormOfAtoms(rules: readonly AtomBox[], partition: AddressPartition): NormalForm {
  const allowed = new RegionSet(partition);
  const denied = new RegionSet(partition);
  const lists = rules.map(({ atoms }) => atoms);
  for (const { members, parts: atoms } of joinedCells(lists, 1)) {
    const here = members.map((i) => rules[i]!);
    for (const { services, allow, deny } of serviceCells(here)) {
      if (deny.length > 0) denied.add(atoms, services, deny);
      else allowed.add(atoms, services, allow);
    }
  }
  return { allowed: allowed.regions(), denied: denied.regions() };
}

export interface ServiceCell {
  readonly services: ServiceSet;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

const none: readonly string[] = [];

/** Splits the services of some rules where the set of rules changes; joined per set of deciding rules. */
export function serviceCells(rules: readonly Omit<AtomBox, 'atoms'>[]): ServiceCell[] {
  const [only] = rules;
  if (rules.length === 1) {
    const { services, effect, id } = only!;
    if (services.length === 0) return [];
    return [effect === 'deny' ? { services, allow: none, deny: [id] } : { services, allow: [id], deny: none }];
  }
  const cells = new Map<string, { found: Interval<number>[]; allow: string[]; deny: string[] }>();
  const lists = rules.map(({ services }) => services);
  for (const { first, last, members } of sweep(lists, 1)) {
    const ids = (effect: Effect): string[] =>
      members.flatMap((i) => (rules[i]!.effect === effect ? [rules[i]!.id] : [])).sort();
    const deny = ids('deny');
    const allow = deny.length > 0 ? [] : ids('allow');
    const key = `${deny.join(' ')}|${allow.join(' ')}`;
    const cell = cells.get(key);
    if (cell) cell.found.push({ first, last });
    else cells.set(key, { found: [{ first, last }], allow, deny });
  }
  return [...cells.values()].map(({ found, allow, deny }) => ({
    services: serviceAlgebra.normalize(found),
    allow,
    deny,
  }));
}

const keys = new WeakMap<ServiceSet, string>();

const keyOf = (services: ServiceSet): string =>
  remembered(keys, services, () => services.map(({ first, last }) => `${first}-${last}`).join());

/** Joins atoms that have the same services for the same reasons. */
class RegionSet {
  private readonly found = new Map<
    string,
    { atoms: Interval<number>[]; services: ServiceSet; rules: readonly string[] }
  >();

  constructor(private readonly partition: AddressPartition) {}

  add(atoms: readonly Interval<number>[], services: ServiceSet, rules: readonly string[]): void {
    const key = `${keyOf(services)}|${rules.join()}`;
    const region = this.found.get(key);
    if (region) region.atoms.push(...atoms);
    else this.found.set(key, { atoms: [...atoms], services, rules });
  }

  /** In order of address, then service. Atoms are numbered in order of address. */
  regions(): FlowRegion[] {
    const regions = [...this.found.values()].map((region) => ({
      ...region,
      atoms: serviceAlgebra.normalize(region.atoms),
    }));
    regions.sort((a, b) => a.atoms[0]!.first - b.atoms[0]!.first || a.services[0]!.first - b.services[0]!.first);
    return regions.map(({ atoms, services, rules }) => ({ addresses: this.partition.union(atoms), services, rules }));
  }
}
