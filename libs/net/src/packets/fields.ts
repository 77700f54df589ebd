import type { Interval } from '../interval.js';
import { hasPorts, isIcmp, portOf, protocolOf, protocols, type ServiceSet } from '../service.js';

/*
 * The fields of a packet in the order in which a packet set decides on them. All values are whole numbers below 2³², so an
 * IPv6 address is four fields: the first of them is a family's most significant word, and IPv4 uses that one alone.
 *
 *   family │ protocol │ port or ICMP type │ source port │ established │ destination (4 words) │ source (4 words)
 *      0   │     1    │         2         │      3      │      4      │         5 … 8         │      9 … 12
 */
export const level = {
  family: 0,
  protocol: 1,
  destinationPort: 2,
  sourcePort: 3,
  established: 4,
  destination: 5,
  source: 9,
  end: 13,
} as const;

const word = 0xffff_ffff;
/** The greatest value of each field. */
export const maxima: readonly number[] = [1, 255, 0xffff, 0xffff, 1, word, word, word, word, word, word, word, word];

/** Values of the family field. */
export const ipv4 = 0;
export const ipv6 = 1;

/**
 * The values that packets of a protocol can have in the fields that not all have. Where a protocol lacks a field, sets don't
 * look at it; ICMP's type has eight bits, and 255 stands for all above. So what can't exist never makes two sets differ.
 */
export interface ProtocolShape {
  readonly destinationPort: Interval<number>;
  readonly sourcePort: Interval<number>;
  readonly established: Interval<number>;
}

const none: Interval<number> = { first: 0, last: 0 };
const port: Interval<number> = { first: 0, last: 0xffff };
const tcp: ProtocolShape = { destinationPort: port, sourcePort: port, established: { first: 0, last: 1 } };
const ported: ProtocolShape = { ...tcp, established: none };
const icmp: ProtocolShape = { destinationPort: { first: 0, last: 255 }, sourcePort: none, established: none };
const plain: ProtocolShape = { destinationPort: none, sourcePort: none, established: none };

export function shapeOf(protocol: number): ProtocolShape {
  if (protocol === protocols.tcp) return tcp;
  return hasPorts(protocol) ? ported : isIcmp(protocol) ? icmp : plain;
}

/** The greatest port, or ICMP type, that packets of a protocol can have. */
export const topPort = (protocol: number): number => shapeOf(protocol).destinationPort.last;

/** ICMP exists in IPv4 only, ICMPv6 in IPv6 only. */
export const existsIn = (protocol: number, family: number): boolean =>
  protocol !== (family === ipv4 ? protocols.icmp6 : protocols.icmp);

/** Ports as far as the protocol has them, the last of them standing for all above. */
export function* portsByProtocol(services: ServiceSet): Generator<{ protocol: number; ports: Interval<number> }> {
  for (const { first, last } of services) {
    for (let protocol = protocolOf(first); protocol <= protocolOf(last); protocol++) {
      const low = protocol === protocolOf(first) ? portOf(first) : 0;
      const high = protocol === protocolOf(last) ? portOf(last) : 0xffff;
      const top = topPort(protocol);
      if (low <= top) yield { protocol, ports: { first: low, last: high >= top ? 0xffff : high } };
    }
  }
}
