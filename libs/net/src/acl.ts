import type { Family, Prefix } from './address.js';
import type { Interval } from './interval.js';

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
