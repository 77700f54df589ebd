import { remembered } from '#base';
import {
  addressSet,
  intersectAddresses,
  isEmptyAddressSet,
  rangesOf,
  subtractAddresses,
  textOfIntervals,
  type AddressSet,
  type ServiceSet,
} from '#net';
import {
  criticalPlaces,
  normalForm,
  type DirectionFlows,
  type FlowRegion,
  type PeerRegion,
  type RuleBox,
  type Snapshot,
} from '#policy';
import { rangeTexts } from './names.js';

/** What may pass between one class and some far side: disjoint regions, each with the rules that decide. */
export interface Verdicts {
  readonly allowed: readonly FlowRegion[];
  readonly denied: readonly FlowRegion[];
}

/** A part of a difference on which the same rules decide: allowed on one side, denied on the other. */
export interface Cell {
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
  readonly allowedBy: readonly string[];
  /** None: the default deny. */
  readonly deniedBy: readonly string[];
}

/** What `a` allows and `b` does not, exactly. */
export function allowedOnlyBy(a: Verdicts, b: Verdicts): Cell[] {
  // Regions of one side are disjoint, so one that both sides have touches no other: it can go from both.
  const same = new Set(a.allowed.map(keyOf)).intersection(new Set(b.allowed.map(keyOf)));
  const open = a.allowed.filter((region) => !same.has(keyOf(region)));
  if (open.length === 0) return [];
  const reach = unionOf(open);
  const others = b.allowed.filter((region) => !same.has(keyOf(region)) && touches(region.addresses, reach));
  const denies = b.denied.filter((region) => touches(region.addresses, reach));
  const boxes: RuleBox[] = [
    ...open.map((region, i) => box(`a${i}`, 'allow', region)),
    ...denies.map((region, i) => box(`d${i}`, 'allow', region)),
    ...others.map((region) => box('b', 'deny', region)),
  ];
  return normalForm(boxes).allowed.flatMap(({ addresses, services, rules }): Cell[] => {
    const rulesOf = (letter: string, regions: readonly FlowRegion[]): string[] =>
      rules.flatMap((id) => (id.startsWith(letter) ? (regions[Number(id.slice(1))]?.rules ?? []) : []));
    const isOpen = rules.some((id) => id.startsWith('a'));
    return isOpen ? [{ addresses, services, allowedBy: rulesOf('a', open), deniedBy: rulesOf('d', denies) }] : [];
  });
}

/** Towards devices of one class that may be at `place`: what is allowed to the class and to the addresses, less both denies. */
export function verdictsTowards(flows: DirectionFlows, peer: string, place: AddressSet): Verdicts {
  const here = (regions: readonly FlowRegion[]): FlowRegion[] =>
    regions.flatMap((region) => {
      const addresses = intersectAddresses(region.addresses, place);
      return isEmptyAddressSet(addresses) ? [] : [{ ...region, addresses }];
    });
  const ofPeer = (regions: readonly PeerRegion[]): FlowRegion[] =>
    regions
      .filter((region) => region.peer === peer)
      .map(({ services, rules }) => ({ addresses: place, services, rules }));
  const fixed: Verdicts = { allowed: here(flows.allowed), denied: here(flows.denied) };
  const own: Verdicts = { allowed: ofPeer(flows.peersAllowed), denied: ofPeer(flows.peersDenied) };
  if (fixed.allowed.length + fixed.denied.length === 0) return own;
  if (own.allowed.length + own.denied.length === 0) return fixed;
  const regions = [
    ...[...fixed.allowed, ...own.allowed].map((region) => ({ effect: 'allow' as const, region })),
    ...[...fixed.denied, ...own.denied].map((region) => ({ effect: 'deny' as const, region })),
  ];
  const form = normalForm(regions.map(({ effect, region }, i) => box(`${i}`, effect, region)));
  const withRules = (found: readonly FlowRegion[]): FlowRegion[] =>
    found.map((region) => ({
      ...region,
      rules: [...new Set(region.rules.flatMap((id) => regions[Number(id)]?.region.rules ?? []))].sort(),
    }));
  return { allowed: withRules(form.allowed), denied: withRules(form.denied) };
}

/** Where devices of each class may be, in either policy: the prefixes of the segments that it is a role in. */
export function placesOf(...snapshots: readonly Snapshot[]): ReadonlyMap<string, AddressSet> {
  const found = new Map<string, AddressSet[]>();
  for (const snapshot of snapshots) {
    const segments = new Map(snapshot.segments.map((segment) => [segment.name, segment]));
    const roles = new Map<string, Set<string>>();
    for (const { role, segment } of [...snapshot.accessTable, ...criticalPlaces(snapshot.nas)])
      roles.set(role, (roles.get(role) ?? new Set()).add(segment));
    for (const [role, names] of roles) {
      const prefixes = [...names].flatMap((name) => segments.get(name)?.sites.map((site) => site.prefixes) ?? []);
      found.set(role, [...(found.get(role) ?? []), ...prefixes]);
    }
  }
  return new Map([...found].map(([role, sets]) => [role, addressSet(sets.flatMap(rangesOf))]));
}

/** The same verdict on every packet, by the same regions: whatever lines decide them now. */
export function isSameDirection(a: DirectionFlows, b: DirectionFlows): boolean {
  return a === b || textOf(a) === textOf(b);
}

function textOf({ allowed, denied, peersAllowed, peersDenied }: DirectionFlows): string {
  const peers = (regions: readonly PeerRegion[]): string[] =>
    regions.map(({ peer, services }) => `${peer} ${textOfIntervals(services)}`).sort();
  return JSON.stringify([allowed.map(keyOf).sort(), denied.map(keyOf).sort(), peers(peersAllowed), peers(peersDenied)]);
}

/** `cells` less what `taken` holds. */
export function withoutCells(cells: readonly Cell[], taken: readonly Cell[]): Cell[] {
  if (cells.length === 0 || taken.length === 0) return [...cells];
  const boxes = [
    ...cells.map((cell, i) => box(`${i}`, 'allow', cell)),
    ...taken.map((cell) => box('taken', 'deny', cell)),
  ];
  return normalForm(boxes).allowed.map(({ addresses, services, rules }) => {
    const [id = ''] = rules;
    const { allowedBy, deniedBy } = cells[Number(id)]!;
    return { addresses, services, allowedBy, deniedBy };
  });
}

export const touches = (a: AddressSet, b: AddressSet): boolean => !isEmptyAddressSet(intersectAddresses(a, b));

export const isSameSet = (a: AddressSet, b: AddressSet): boolean =>
  isEmptyAddressSet(subtractAddresses(a, b)) && isEmptyAddressSet(subtractAddresses(b, a));

export const unionOf = (parts: readonly { readonly addresses: AddressSet }[]): AddressSet =>
  addressSet(parts.flatMap(({ addresses }) => rangesOf(addresses)));

export function box(
  id: string,
  effect: RuleBox['effect'],
  { addresses, services }: { addresses: AddressSet; services: ServiceSet },
): RuleBox {
  return { id, effect, addresses, services };
}

const keys = new WeakMap<FlowRegion, string>();

const keyOf = (region: FlowRegion): string =>
  remembered(keys, region, () => `${rangeTexts(region.addresses).join()}|${textOfIntervals(region.services)}`);
