import type { AddressSet, Family } from '../address.js';
import type { Interval } from '../interval.js';
import type { ServiceSet } from '../service.js';

/** Packets that are to be permitted: a product of sets. */
export interface PacketRegion {
  readonly addresses: AddressSet;
  /** Protocols and destination ports (ICMP: types). */
  readonly services: ServiceSet;
  /** None: whatever they are. Else only TCP, UDP and SCTP are meant, which have them. */
  readonly sourcePorts?: readonly Interval<number>[] | null;
  /** True: only TCP with ACK or RST. */
  readonly established?: boolean;
}

/** One line of a first-match list; `null` means "any". What matches no line is denied. */
export interface MatchLine {
  readonly action: 'permit' | 'deny';
  readonly family: Family | null;
  readonly protocols: readonly number[] | null;
  readonly sourcePorts: readonly Interval<number>[] | null;
  /** Of one family. */
  readonly destination: readonly Interval<bigint>[] | null;
  /** TCP, UDP, SCTP: port; ICMP: type. */
  readonly destinationPorts: readonly Interval<number>[] | null;
  readonly established: boolean;
}

/** What one line of a target can say. */
export interface Abilities {
  /** One prefix, one range, or a set of prefixes and ranges. */
  readonly addresses: 'prefix' | 'range' | 'set';
  readonly ports: {
    /** Exact ports and ranges, or values under a mask as OpenFlow has them: a range costs several lines then. */
    readonly form: 'range' | 'mask';
    /** Ports or ranges that one line takes. */
    readonly most: number;
  };
  /** A range of ICMP types, or one type a line. */
  readonly icmpTypes: 'range' | 'single';
  /** Whether a line can name several protocols. */
  readonly protocols: 'one' | 'set';
  /** Whether one line can mean both families. */
  readonly families: 'one' | 'both';
  /** Whether lines can deny: without them, only the end of the list does. */
  readonly denies: boolean;
  /** Whether a line can be limited to TCP with ACK or RST. */
  readonly established: boolean;
}

/** The entries of a port ACL, as the least capable of the switches takes them. */
export const portAclAbilities: Abilities = {
  addresses: 'prefix',
  ports: { form: 'range', most: 1 },
  icmpTypes: 'single',
  protocols: 'one',
  families: 'one',
  denies: true,
  established: true,
};
