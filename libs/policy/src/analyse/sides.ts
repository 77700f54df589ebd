import {
  AddressPartition,
  addressSet,
  families,
  familyOf,
  intersectAddresses,
  isEmptyAddressSet,
  allAddresses,
  IntervalAlgebra,
  noAddresses,
  parseAddress,
  type Address,
  type AddressSet,
  type AtomSet,
  type Family,
  type Interval,
} from '#net';
import { builtIn, type Policy } from '../policy.js';
import { addressesOf } from '../resolve.js';
import type { SegmentAtSite } from '../snapshot.js';

const algebra = new IntervalAlgebra<number>(1);
type Numbers = readonly Interval<number>[];

/** Who may be at one end of a packet: a device that counts as a class, or (null) no device that Cordon knows. */
export interface SideExample {
  readonly class: string | null;
  readonly address: Address;
}

/**
 * Everything that can be at one end of a packet, in *places*: ends that the names of interest don't tell apart. A place has
 * one address family. What a name stands for is a short list of intervals of place numbers.
 */
export interface Sides {
  readonly placesOf: (name: string) => Numbers;
  readonly ofFamily: Readonly<Record<Family, Numbers>>;
  readonly example: (place: number) => SideExample;
}

/** All addresses, cut where an endpoint of interest or a segment with devices begins or ends. */
export interface Ground {
  readonly policy: Policy;
  readonly partition: AddressPartition;
  readonly atomsOf: ReadonlyMap<string, AtomSet>;
  readonly ofFamily: Readonly<Record<Family, AtomSet>>;
  /** Role → atoms where devices of that role can be, in the order of the class tree. */
  readonly devices: readonly (readonly [role: string, atoms: AtomSet])[];
}

export function groundOf(
  policy: Policy,
  names: Iterable<string>,
  placements: ReadonlyMap<string, readonly SegmentAtSite[]>,
): Ground {
  const endpoints = [...names].filter((name) => !policy.classes.has(name));
  const segments = [...new Set([...placements.values()].flat())];
  const sets: AddressSet[] = [
    { ...noAddresses, v4: allAddresses.v4 },
    { ...noAddresses, v6: allAddresses.v6 },
    ...endpoints.map((name) => addressesOf(policy, name)),
    ...segments.map(({ prefixes }) => prefixes),
  ];
  const partition = new AddressPartition(sets);
  const atSegment = new Map(segments.map((segment, i) => [segment, partition.atomsOf(2 + endpoints.length + i)]));
  const roles = depthFirst(policy).filter((role) => placements.has(role));
  return {
    policy,
    partition,
    atomsOf: new Map(endpoints.map((name, i) => [name, partition.atomsOf(2 + i)])),
    ofFamily: { 4: partition.atomsOf(0), 6: partition.atomsOf(1) },
    devices: roles.map((role) => [
      role,
      algebra.normalize(placements.get(role)!.flatMap((segment) => [...atSegment.get(segment)!])),
    ]),
  };
}

/** Places 0 … are the atoms, held by no device; behind them stand the devices. */
export function sidesOf(ground: Ground, names: ReadonlySet<string>): Sides {
  const { policy, partition, ofFamily } = ground;
  const endpoints = [...ground.atomsOf].filter(([name]) => names.has(name));
  const places = new Map<string, { first: number; last: number }[]>(
    endpoints.map(([name, atoms]) => [name, atoms.map((interval) => ({ ...interval }))]),
  );
  const familyPlaces = { 4: [...ofFamily[4]], 6: [...ofFamily[6]] };
  const holders = holdersOf(ground, endpoints);
  const devices: { role: string; atom: number }[] = [];
  for (const [role, atoms] of ground.devices) {
    const groups = [...policy.principalTree.distances(role).keys()].filter((name) => names.has(name));
    for (const { family, atom, inside } of deviceKinds(ofFamily, atoms, holders)) {
      const place = partition.count + devices.length;
      devices.push({ role, atom });
      append(familyPlaces[family], place);
      for (const name of [...groups, ...inside]) {
        const list = places.get(name) ?? [];
        places.set(name, list);
        append(list, place);
      }
    }
  }
  return {
    placesOf: (name) => places.get(name) ?? [],
    ofFamily: familyPlaces,
    example: (place) => {
      const device = devices[place - partition.count];
      return {
        class: device?.role ?? null,
        address: exampleAddress(partition.addressesOf(device?.atom ?? place)),
      };
    },
  };
}

/** Of the atoms with devices: the endpoints of interest that contain them. */
function holdersOf(ground: Ground, endpoints: readonly (readonly [string, AtomSet])[]): Map<number, string[]> {
  const occupied = algebra.normalize(ground.devices.flatMap(([, atoms]) => [...atoms]));
  const holders = new Map<number, string[]>();
  for (const { first, last } of occupied) for (let atom = first; atom <= last; atom++) holders.set(atom, []);
  for (const [name, atoms] of endpoints) {
    for (const { first, last } of algebra.intersect(atoms, occupied)) {
      for (let atom = first; atom <= last; atom++) holders.get(atom)!.push(name);
    }
  }
  return holders;
}

/** The atoms of a role, one for each family and set of endpoints around it. */
function deviceKinds(
  ofFamily: Readonly<Record<Family, AtomSet>>,
  atoms: AtomSet,
  holders: ReadonlyMap<number, readonly string[]>,
): { family: Family; atom: number; inside: readonly string[] }[] {
  return families.flatMap((family) => {
    const kinds = new Map<string, { family: Family; atom: number; inside: readonly string[] }>();
    for (const { first, last } of algebra.intersect(atoms, ofFamily[family])) {
      for (let atom = first; atom <= last; atom++) {
        const inside = holders.get(atom) ?? [];
        const key = inside.join();
        if (!kinds.has(key)) kinds.set(key, { family, atom, inside });
      }
    }
    return [...kinds.values()];
  });
}

/** A class stands next to those below it, so that what is true of a class is few intervals. */
function depthFirst(policy: Policy): string[] {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const child of policy.principalTree.children(name)) visit(child);
  };
  visit(builtIn.rootClass);
  for (const name of policy.classes.keys()) visit(name);
  return [...seen].filter((name) => policy.classes.has(name));
}

function append(list: { first: number; last: number }[], value: number): void {
  const top = list.at(-1);
  if (top && top.last >= value - 1) top.last = value;
  else list.push({ first: value, last: value });
}

/** Addresses for documentation (RFC 5737, RFC 3849): where they will do, nobody takes an example for a real server. */
const documentation: AddressSet = addressSet(
  ['203.0.113.1', '2001:db8::1'].map((text) => {
    const { family, value } = parseAddress(text)!;
    return { family, first: value, last: value };
  }),
);

function exampleAddress(set: AddressSet): Address {
  const documented = intersectAddresses(set, documentation);
  const from = isEmptyAddressSet(documented) ? set : documented;
  const family = from.v4.length > 0 ? 4 : 6;
  const { first, last } = familyOf(from, family)[0]!;
  // Not the address of a network itself, where there is a choice.
  return { family, value: last - first >= 2n ? first + 1n : first };
}
