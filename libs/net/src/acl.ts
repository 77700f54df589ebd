import { families, rangeOfPrefix, type Address, type Family, type Prefix } from './address.js';
import type { Interval } from './interval.js';
import { hasPorts, protocols } from './service.js';

/**
 * One line of a stateless port ACL on traffic *from* the device, vendor-neutral. A list is read top down, the first match
 * decides, and what matches no line is dropped. `null` means "any".
 */
export interface AclEntry {
  readonly action: 'permit' | 'deny';
  readonly family: Family;
  /** IP protocol number. */
  readonly protocol: number | null;
  /** The device's own port: set on the replies of connections that a server opened. */
  readonly sourcePorts: Interval<number> | null;
  readonly destination: Prefix | null;
  /** TCP, UDP, SCTP: port; ICMP: type. */
  readonly destinationPorts: Interval<number> | null;
  /** TCP segments with ACK or RST only: a reply, never the opening of a connection. */
  readonly established: boolean;
}

/** A packet from the device, as far as a port ACL can see it. */
export interface AclPacket {
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number | null;
  /** TCP, UDP, SCTP: port; ICMP: type; others: null. */
  readonly destinationPort: number | null;
  /** TCP with ACK or RST. */
  readonly established: boolean;
}

const within = (range: Interval<number> | null, value: number | null): boolean =>
  range === null || (value !== null && range.first <= value && value <= range.last);

/** First match decides, no match drops: the meaning of a port ACL, for tests and verification to ask. */
export function matchAcl(entries: readonly AclEntry[], packet: AclPacket): 'permit' | 'deny' {
  return entries.find((entry) => matchesEntry(entry, packet))?.action ?? 'deny';
}

function matchesEntry(entry: AclEntry, packet: AclPacket): boolean {
  if (entry.family !== packet.destination.family) return false;
  if (entry.protocol !== null && entry.protocol !== packet.protocol) return false;
  if (entry.established && !(packet.protocol === protocols.tcp && packet.established)) return false;
  if (entry.destination) {
    const { first, last } = rangeOfPrefix(entry.destination);
    if (packet.destination.value < first || packet.destination.value > last) return false;
  }
  return within(entry.sourcePorts, packet.sourcePort) && within(entry.destinationPorts, packet.destinationPort);
}

/** ICMP in its own family, the only place where its types mean anything. */
export function isIcmpEntry({ family, protocol }: Pick<AclEntry, 'family' | 'protocol'>): boolean {
  return protocol === (family === 4 ? protocols.icmp : protocols.icmp6);
}

const isPart = (range: Interval<number> | null, limit: number): boolean =>
  range === null || (range.first >= 0 && range.first <= range.last && range.last <= limit);

/**
 * An entry whose conditions fit together: ports only where the protocol has them, types only of ICMP, `established` only of
 * TCP. No switch could be told anything else, and a condition must never be dropped to make it fit.
 */
export function isConsistentEntry(entry: AclEntry): boolean {
  const { protocol, sourcePorts, destinationPorts, destination } = entry;
  if (protocol !== null && !(protocol >= 0 && protocol <= 255)) return false;
  if (destination && destination.family !== entry.family) return false;
  if (entry.established && protocol !== protocols.tcp) return false;
  if (protocol !== null && hasPorts(protocol)) return isPart(sourcePorts, 0xffff) && isPart(destinationPorts, 0xffff);
  return sourcePorts === null && (destinationPorts === null || (isIcmpEntry(entry) && isPart(destinationPorts, 255)));
}

/** About all packets of a family. */
export const everyPacket = (action: AclEntry['action'], family: Family): AclEntry => ({
  action,
  family,
  protocol: null,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
});

export const finalDenies = (): AclEntry[] => families.map((family) => everyPacket('deny', family));
