import {
  addressSet,
  families,
  familyOf,
  serviceAlgebra,
  sweep,
  type AddressRange,
  type AddressSet,
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
  const allowed = new RegionSet();
  const denied = new RegionSet();
  for (const { members, ranges } of addressCells(rules)) {
    const here = members.map((i) => rules[i]!);
    for (const { services, allow, deny } of serviceCells(here)) {
      if (deny.length > 0) denied.add(ranges, services, deny);
      else allowed.add(ranges, services, allow);
    }
  }
  return { allowed: allowed.regions(), denied: denied.regions() };
}

/** Maximal sets of addresses to which the same rules apply. */
function addressCells(rules: readonly RuleBox[]): { members: number[]; ranges: AddressRange[] }[] {
  const cells = new Map<string, { members: number[]; ranges: AddressRange[] }>();
  for (const family of families) {
    const lists = rules.map(({ addresses }) => familyOf(addresses, family));
    for (const { first, last, members } of sweep(lists, 1n)) {
      const key = members.join(' ');
      const cell = cells.get(key);
      const range = { family, first, last };
      if (cell) cell.ranges.push(range);
      else cells.set(key, { members, ranges: [range] });
    }
  }
  return [...cells.values()];
}

export interface ServiceCell {
  readonly services: ServiceSet;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Splits the services of some rules where the set of rules changes; joined per set of deciding rules. */
export function serviceCells(rules: readonly Omit<RuleBox, 'addresses'>[]): ServiceCell[] {
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

/** Joins address ranges that have the same services for the same reasons. */
class RegionSet {
  private readonly found = new Map<
    string,
    { ranges: AddressRange[]; services: ServiceSet; rules: readonly string[] }
  >();

  add(ranges: readonly AddressRange[], services: ServiceSet, rules: readonly string[]): void {
    const key = `${services.map(({ first, last }) => `${first}-${last}`).join()}|${rules.join()}`;
    const region = this.found.get(key);
    if (region) region.ranges.push(...ranges);
    else this.found.set(key, { ranges: [...ranges], services, rules });
  }

  regions(): FlowRegion[] {
    const regions = [...this.found.values()].map(({ ranges, services, rules }) => ({
      addresses: addressSet(ranges),
      services,
      rules,
    }));
    return regions.sort(byFirstAddress);
  }
}

function byFirstAddress(a: FlowRegion, b: FlowRegion): number {
  const order = (region: FlowRegion): [bigint, number] => [
    region.addresses.v4[0]?.first ?? (1n << 40n) + (region.addresses.v6[0]?.first ?? 0n),
    region.services[0]?.first ?? 0,
  ];
  const [x, s] = order(a);
  const [y, t] = order(b);
  return x < y ? -1 : x > y ? 1 : s - t;
}
