import type { Address, Family } from '../address.js';
import type { Interval } from '../interval.js';
import type { ServiceSet } from '../service.js';

/** The opening of a connection, or any other packet, as far as filters look at it. */
export interface ConcretePacket {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** TCP, UDP, SCTP: destination port; ICMP: type; others: 0. */
  readonly port: number;
  /** TCP, UDP, SCTP; others: 0. */
  readonly sourcePort: number;
  /** TCP with ACK or RST set: not the opening of a connection. */
  readonly established: boolean;
}

/** Conditions that must all hold; what is left out is not looked at. */
export interface PacketMatch {
  readonly family?: Family;
  readonly services?: ServiceSet;
  readonly destination?: readonly Interval<bigint>[];
  readonly source?: readonly Interval<bigint>[];
  /** Only TCP, UDP and SCTP have them: packets of other protocols don't match. */
  readonly sourcePorts?: readonly Interval<number>[];
  /** True: only TCP with ACK or RST. False: anything else. */
  readonly established?: boolean;
}

/** A product of sets; `sourcePorts` and `established` are null where every value is meant. */
export interface PacketPart {
  readonly family: Family;
  readonly services: ServiceSet;
  readonly sourcePorts: readonly Interval<number>[] | null;
  readonly established: boolean | null;
  readonly destination: readonly Interval<bigint>[];
  readonly source: readonly Interval<bigint>[];
}
