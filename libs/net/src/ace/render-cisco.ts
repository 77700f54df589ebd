import { isConsistentEntry, isIcmpEntry, type AclEntry } from '../acl.js';
import { formatAddress, formatPrefix, type Prefix } from '../address.js';
import type { Interval } from '../interval.js';
import { protocols } from '../service.js';

const names: ReadonlyMap<number, string> = new Map([
  [protocols.tcp, 'tcp'],
  [protocols.udp, 'udp'],
  [protocols.sctp, 'sctp'],
]);

function protocolName({ family, protocol }: AclEntry): string {
  if (protocol === null) return family === 4 ? 'ip' : 'ipv6';
  return isIcmpEntry({ family, protocol }) ? 'icmp' : (names.get(protocol) ?? `${protocol}`);
}

function renderDestination(prefix: Prefix | null): string {
  if (!prefix || prefix.length === 0) return 'any';
  const address = formatAddress(prefix);
  if (prefix.length === (prefix.family === 4 ? 32 : 128)) return `host ${address}`;
  if (prefix.family === 6) return formatPrefix(prefix);
  // A wildcard mask: ones where bits don't matter.
  return `${address} ${formatAddress({ family: 4, value: (1n << BigInt(32 - prefix.length)) - 1n })}`;
}

const renderPorts = (range: Interval<number> | null): string =>
  range === null ? '' : range.first === range.last ? ` eq ${range.first}` : ` range ${range.first} ${range.last}`;

/** One entry as ACEs: several only for a range of ICMP types, of which an ACE takes one. */
export function renderCiscoAces(entry: AclEntry): string[] | null {
  if (!isConsistentEntry(entry)) return null;
  const { action, sourcePorts, destination, destinationPorts } = entry;
  const rule = `${action} ${protocolName(entry)} any${renderPorts(sourcePorts)} ${renderDestination(destination)}`;
  if (isIcmpEntry(entry) && destinationPorts) {
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => `${rule} ${first + i}`);
  }
  return [`${rule}${renderPorts(destinationPorts)}${entry.established ? ' established' : ''}`];
}
