import { addressSet, hasAddress, rangesOf, type Address, type AddressSet } from '#net';
import type { NasEntry, Snapshot } from './snapshot.js';

/** A segment into which switches put devices by themselves, and the class that these count as there. */
export interface CriticalPlace {
  readonly segment: string;
  readonly role: string;
}

/** Each once: no access rule needs to lead there. */
export function criticalPlaces(nas: readonly Pick<NasEntry, 'serverDown'>[]): readonly CriticalPlace[] {
  const bySegment = new Map<string, CriticalPlace>();
  for (const { serverDown } of nas)
    if (serverDown) bySegment.set(serverDown.segment, { segment: serverDown.segment, role: serverDown.role });
  return [...bySegment.values()];
}

/**
 * Addresses that count as a class whoever has them. Nobody tells Cordon which devices a switch let in by itself, so in a critical
 * segment it is the address that decides; `sites`: segments at these count.
 */
export function criticalAddresses(
  { nas, segments }: Pick<Snapshot, 'nas' | 'segments'>,
  sites: ReadonlySet<string>,
): ReadonlyMap<string, AddressSet> {
  const found = new Map<string, AddressSet>();
  for (const { segment, role } of criticalPlaces(nas)) {
    const places = segments.find(({ name }) => name === segment)?.sites ?? [];
    const here = places.filter(({ site }) => sites.has(site)).flatMap(({ prefixes }) => rangesOf(prefixes));
    const before = found.get(role);
    found.set(role, addressSet([...(before ? rangesOf(before) : []), ...here]));
  }
  return found;
}

const everywhere = new WeakMap<Snapshot, ReadonlyMap<string, AddressSet>>();

/** The class that an address counts as because it lies in a critical segment; null elsewhere. */
export function criticalRoleOf(snapshot: Snapshot, address: Address): string | null {
  const roles =
    everywhere.get(snapshot) ?? criticalAddresses(snapshot, new Set(snapshot.sites.map(({ name }) => name)));
  everywhere.set(snapshot, roles);
  for (const [role, addresses] of roles) if (hasAddress(addresses, address)) return role;
  return null;
}
