import { hasPorts, isIcmp, portMasks, splitByProtocol } from '#net';
import type { Family, Interval, PortMask, ProtocolPorts, ServiceSet } from '#net';

/** ICMP's number of each family; it never means anything in the other one. */
const icmpOf = { 4: 1, 6: 58 } as const;

const isEverything = (services: ServiceSet): boolean => services[0]?.first === 0 && services[0].last === 0xff_ffff;

/** Parts that no flow can match: ports of protocols that have none. */
export function inexpressible(services: ServiceSet): ProtocolPorts[] {
  if (isEverything(services)) return [];
  return services.flatMap(splitByProtocol).filter((p) => p.ports && !hasPorts(p.protocol) && !isIcmp(p.protocol));
}

/** Alternatives, each the fields of a match; one without fields means any service, no alternative means none in this family. */
export function matchServices(services: ServiceSet, family: Family): string[][] {
  if (isEverything(services)) return [[]];
  return services.flatMap(splitByProtocol).flatMap(({ protocol, ports }) => {
    if (isIcmp(protocol) && protocol !== icmpOf[family]) return [];
    const whole = `ct_nw_proto=${protocol}`;
    if (!ports) return [[whole]];
    if (!isIcmp(protocol)) return portMasks(ports).map((mask) => [whole, maskedField('ct_tp_dst', mask)]);
    return typeMasks(ports).map((mask) => [whole, ...(mask ? [maskedField('ct_tp_src', mask)] : [])]);
  });
}

/** An ICMP type has eight bits; what a set difference holds beyond can't occur, and all 256 are the whole protocol (null). */
function typeMasks({ first, last }: Interval<number>): (PortMask | null)[] {
  if (first > 255) return [];
  return first === 0 && last >= 255 ? [null] : portMasks({ first, last: Math.min(last, 255) });
}

/** As ovs-ofctl prints it: `443`, or `0x1b8/0xfff8`. */
function maskedField(name: string, { value, mask }: PortMask): string {
  return mask === 0xffff ? `${name}=${value}` : `${name}=${hex(value)}/${hex(mask)}`;
}

/** As printf's `%#x` has it. */
export const hex = (value: number): string => (value === 0 ? '0' : `0x${value.toString(16)}`);
