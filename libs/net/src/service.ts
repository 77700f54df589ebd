import { IntervalAlgebra, type Interval } from './interval.js';

/**
 * What a connection is for, as one number: IP protocol × 65536 + destination port (ICMP: type). A set of services is a
 * canonical interval list over 0 … 2²⁴-1, so `tcp/1-1023`, all of UDP and `any` are one interval each.
 */
export type ServiceSet = readonly Interval<number>[];

export const serviceAlgebra = new IntervalAlgebra<number>(1);
export const anyService: ServiceSet = [{ first: 0, last: 0xff_ffff }];

/** IANA protocol numbers of the names that policies use. */
export const protocols = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
const nameOf = new Map<number, string>(Object.entries(protocols).map(([name, number]) => [number, name]));
const portLimit = new Map<number, number>([
  [protocols.icmp, 255],
  [protocols.icmp6, 255],
]);

export const serviceKey = (protocol: number, port: number): number => protocol * 0x1_0000 + port;
export const protocolOf = (key: number): number => key >>> 16;
export const portOf = (key: number): number => key & 0xffff;
/** Protocols whose packets carry ports (TCP, UDP, SCTP); ICMP's types are not ports. */
export const hasPorts = (protocol: number): boolean => protocol === 6 || protocol === 17 || protocol === 132;
export const isIcmp = (protocol: number): boolean => protocol === 1 || protocol === 58;

/** Reads `tcp/443`, `udp/5000-5010`, `icmp`, `icmp6/128`, `ip/50` (any protocol by number) or `any`; `null` for anything else. */
export function parseService(text: string): Interval<number> | null {
  if (text === 'any') return anyService[0]!;
  const match = /^(icmp6?|tcp|udp|sctp|ip)(?:\/(0|[1-9]\d{0,4})(?:-(0|[1-9]\d{0,4}))?)?$/.exec(text);
  if (!match) return null;
  const [, name = '', low, high] = match;
  if (name === 'ip') {
    const number = Number(low ?? Number.NaN);
    if (high !== undefined || !(number <= 255)) return null;
    return { first: serviceKey(number, 0), last: serviceKey(number, 0xffff) };
  }
  const protocol = protocols[name as keyof typeof protocols];
  if (low === undefined) return { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) };
  const first = Number(low);
  const last = Number(high ?? low);
  if (first > last || last > (portLimit.get(protocol) ?? 0xffff)) return null;
  return { first: serviceKey(protocol, first), last: serviceKey(protocol, last) };
}

/** One IP protocol's part of a service interval; `ports` is null when all ports (ICMP: types) are meant. */
export interface ProtocolPorts {
  readonly protocol: number;
  readonly ports: Interval<number> | null;
}

/** Splits an interval at protocol borders: what a packet filter can match in one line each. */
export function splitByProtocol({ first, last }: Interval<number>): ProtocolPorts[] {
  const out: ProtocolPorts[] = [];
  for (let protocol = protocolOf(first); protocol <= protocolOf(last); protocol++) {
    const low = protocol === protocolOf(first) ? portOf(first) : 0;
    const high = protocol === protocolOf(last) ? portOf(last) : 0xffff;
    out.push({ protocol, ports: low === 0 && high === 0xffff ? null : { first: low, last: high } });
  }
  return out;
}

/** The inverse of `parseService` for one protocol's interval; intervals that span protocols give several texts or `any`. */
export function formatService(interval: Interval<number>): string[] {
  if (interval.first === 0 && interval.last === 0xff_ffff) return ['any'];
  return splitByProtocol(interval).map(({ protocol, ports }) => {
    const name = nameOf.get(protocol);
    if (!name) return ports ? `ip/${protocol} (ports ${ports.first}-${ports.last})` : `ip/${protocol}`;
    if (!ports) return name;
    return ports.first === ports.last ? `${name}/${ports.first}` : `${name}/${ports.first}-${ports.last}`;
  });
}

export function formatServices(set: ServiceSet): string {
  return set.flatMap(formatService).join(', ') || 'none';
}
