import type { AclEntry } from '../acl.js';
import { formatAddress, formatPrefix, type Family, type Prefix } from '../address.js';
import type { Interval } from '../interval.js';
import { isIcmp } from '../service.js';

const protocolWords: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/** What lines of AOS-CX match: several only for a range of ICMP types, of which a line takes one. The word before it is the caller's. */
export function renderArubaCxAce({
  family,
  protocol,
  sourcePorts,
  destination,
  destinationPorts,
  established,
}: AclEntry): string[] {
  const head = `${protocolWord(family, protocol)} any${ports(sourcePorts)} ${addresses(destination)}`;
  if (protocol !== null && isIcmp(protocol)) {
    if (!destinationPorts) return [head];
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => `${head} icmp-type ${first + i}`);
  }
  return [`${head}${ports(destinationPorts)}${established ? ' established' : ''}`];
}

function protocolWord(family: Family, protocol: number | null): string {
  if (protocol === null) return 'any';
  if (protocol === (family === 4 ? 1 : 58)) return family === 4 ? 'icmp' : 'icmpv6';
  return protocolWords.get(protocol) ?? `${protocol}`;
}

function ports(range: Interval<number> | null): string {
  if (!range) return '';
  return range.first === range.last ? ` eq ${range.first}` : ` range ${range.first} ${range.last}`;
}

function addresses(prefix: Prefix | null): string {
  if (!prefix || prefix.length === 0) return 'any';
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? formatAddress(prefix) : formatPrefix(prefix);
}
