import { success, type Result } from '#base';
import { formatPrefix, isIcmp, type AclEntry, type Interval } from '#net';

/**
 * A term for each entry, in order. The first lets ARP through, without which nobody finds a neighbour; the last discards the
 * rest, as the filter's end does anyway.
 */
export function render(acl: readonly AclEntry[], name: string): Result<string> {
  const filter = `set firewall family ethernet-switching filter ${name} term`;
  const terms = acl.flatMap((entry, i) => [
    ...conditionsOf(entry).map((condition) => `${filter} t${i + 1} from ${condition}`),
    `${filter} t${i + 1} then ${entry.action === 'permit' ? 'accept' : 'discard'}`,
  ]);
  const lines = [
    `${filter} arp from ether-type arp`,
    `${filter} arp then accept`,
    ...terms,
    `${filter} rest then discard`,
  ];
  return success(`${lines.join('\n')}\n`);
}

function conditionsOf({
  family,
  protocol,
  sourcePorts,
  destination,
  destinationPorts,
  established,
}: AclEntry): string[] {
  const isTyped = protocol !== null && isIcmp(protocol);
  const six = family === 6 ? 'ip-version ipv6 ' : '';
  const to = family === 4 ? 'ip-destination-address' : 'ip6-destination-address';
  const over = family === 4 ? 'ip-protocol' : 'next-header';
  const saysVersion = family === 6 && ((destination?.length ?? 0) > 0 || protocol !== null);
  return [
    // `ip-version ipv6` before a condition says it as well.
    ...(saysVersion ? [] : [`ether-type ipv${family}`]),
    ...(destination && destination.length > 0 ? [`${six}${to} ${withLength(formatPrefix(destination))}`] : []),
    ...(protocol === null ? [] : [`${six}${over} ${protocol}`]),
    ...(sourcePorts ? [`source-port ${ports(sourcePorts)}`] : []),
    ...(destinationPorts ? (isTyped ? types(destinationPorts) : [`destination-port ${ports(destinationPorts)}`]) : []),
    ...(established ? ['tcp-established'] : []),
  ];
}

/** A lone address has no length in our own form. */
const withLength = (text: string): string =>
  text.includes('/') ? text : `${text}/${text.includes(':') ? '128' : '32'}`;

const ports = ({ first, last }: Interval<number>): string => (first === last ? `${first}` : `${first}-${last}`);

const types = ({ first, last }: Interval<number>): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `icmp-type ${first + i}`);
