import { isConsistentEntry, type AclEntry } from '../acl.js';
import { prefixesOfRange, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import type { PacketMatch } from '../packets/packet.js';
import { serviceKey } from '../service.js';
import type { AddressMatch } from './text.js';

/**
 * A line of an access list as a switch writes it, read. What a make's grammar has beyond that is not understood, never left out.
 * Null: any. Several ranges are alternatives.
 */
export interface Ace {
  readonly permits: boolean;
  readonly family: Family;
  readonly protocol: number | null;
  readonly source: AddressMatch | null;
  readonly sourcePorts: readonly Interval<number>[] | null;
  readonly destination: AddressMatch | null;
  /** TCP, UDP, SCTP: ports; ICMP: types. */
  readonly destinationPorts: readonly Interval<number>[] | null;
  readonly established: boolean;
}

export function matchOfAce({ family, protocol, ...ace }: Ace): PacketMatch {
  const { source, sourcePorts, destination, destinationPorts, established } = ace;
  const services = (of: number): Interval<number>[] =>
    (destinationPorts ?? [{ first: 0, last: 0xffff }]).map(({ first, last }) => ({
      first: serviceKey(of, first),
      last: serviceKey(of, last),
    }));
  return {
    family,
    ...(protocol !== null && { services: services(protocol) }),
    ...(source && { source: [source.range] }),
    ...(sourcePorts && { sourcePorts }),
    ...(destination && { destination: [destination.range] }),
    ...(established && { established }),
  };
}

/** The same as entries of a port ACL, side by side; null where it asks for a sender, of which those know nothing. */
export function entriesOfAce({ permits, family, protocol, established, ...ace }: Ace): AclEntry[] | null {
  const { source, sourcePorts, destination, destinationPorts } = ace;
  if (source) return null;
  const [prefix = null] = destination ? prefixesOfRange({ family, ...destination.range }) : [];
  const entries = (sourcePorts ?? [null]).flatMap((from) =>
    (destinationPorts ?? [null]).map((to) => ({
      action: permits ? ('permit' as const) : ('deny' as const),
      family,
      protocol,
      sourcePorts: from,
      destination: prefix && prefix.length > 0 ? prefix : null,
      destinationPorts: to,
      established,
    })),
  );
  return entries.every(isConsistentEntry) ? entries : null;
}
