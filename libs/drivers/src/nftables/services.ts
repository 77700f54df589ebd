import { hasPorts, isIcmp, serviceAlgebra, splitByProtocol } from '#net';
import type { Family, Interval, ProtocolPorts, ServiceSet } from '#net';
import { equals, groups, type Grouping, type Json } from './commands.js';

/** ICMP's number of each family; it never means anything in the other one. */
const icmpOf = { 4: 1, 6: 58 } as const;
const nameOf = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

const isEverything = (services: ServiceSet): boolean => services[0]?.first === 0 && services[0].last === 0xff_ffff;

/** Parts that no nft match can say: ports of protocols that have none. */
export function inexpressible(services: ServiceSet): ProtocolPorts[] {
  if (isEverything(services)) return [];
  return services.flatMap(splitByProtocol).filter((p) => p.ports && !hasPorts(p.protocol) && !isIcmp(p.protocol));
}

/** Alternatives, each a list of matches; one empty list means any service, no list at all means none in this family. */
export function matchServices(services: ServiceSet, family: Family, how: Grouping): Json[][] {
  if (isEverything(services)) return [[]];
  const whole: Interval<number>[] = [];
  const ports = new Map<number, Interval<number>[]>();
  for (const part of services.flatMap(splitExactly)) {
    if (isIcmp(part.protocol) && part.protocol !== icmpOf[family]) continue;
    const { protocol } = part;
    if (part.ports) ports.set(protocol, [...(ports.get(protocol) ?? []), part.ports]);
    else whole.push({ first: protocol, last: protocol });
  }
  const out: Json[][] = [];
  if (whole.length > 0) out.push(...matchNumbers({ meta: { key: 'l4proto' } }, serviceAlgebra.normalize(whole), how));
  for (const [protocol, list] of ports) out.push(...matchNumbers(portField(protocol, family), list, how));
  return out;
}

/** An ICMP type has eight bits; what a set difference holds beyond can't occur, and all 256 are the whole protocol. */
function splitExactly(interval: Interval<number>): ProtocolPorts[] {
  return splitByProtocol(interval).flatMap((part) => {
    if (!part.ports || !isIcmp(part.protocol)) return [part];
    const { first, last } = part.ports;
    if (first > 255) return [];
    return [
      { protocol: part.protocol, ports: first === 0 && last >= 255 ? null : { first, last: Math.min(last, 255) } },
    ];
  });
}

function portField(protocol: number, family: Family): Json {
  const name = nameOf.get(protocol);
  if (name) return { payload: { protocol: name, field: 'dport' } };
  if (isIcmp(protocol)) return { payload: { protocol: family === 4 ? 'icmp' : 'icmpv6', field: 'type' } };
  throw new Error(`protocol ${protocol} has no ports to match`);
}

function matchNumbers(left: Json, intervals: readonly Interval<number>[], how: Grouping): Json[][] {
  const values = intervals.map(({ first, last }) => (first === last ? first : { range: [first, last] }));
  return groups(values, how).map((value) => [equals(left, value)]);
}
