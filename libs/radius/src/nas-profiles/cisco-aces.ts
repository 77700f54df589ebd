import {
  formatAddress,
  formatPrefix,
  isConsistentEntry,
  isIcmpEntry,
  protocols,
  type AclEntry,
  type Family,
  type Interval,
  type Prefix,
} from '#net';
import { ciscoAvPairAttribute } from '../build.js';
import type { AclForm } from './acl-form.js';
import { parseCiscoAces } from './parse-cisco-aces.js';

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
export function renderAces(entry: AclEntry): string[] | null {
  if (!isConsistentEntry(entry)) return null;
  const { action, sourcePorts, destination, destinationPorts } = entry;
  const rule = `${action} ${protocolName(entry)} any${renderPorts(sourcePorts)} ${renderDestination(destination)}`;
  if (isIcmpEntry(entry) && destinationPorts) {
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => `${rule} ${first + i}`);
  }
  return [`${rule}${renderPorts(destinationPorts)}${entry.established ? ' established' : ''}`];
}

/** The list of one family as AV pairs, numbered and closed by its own deny: one without permits is closed, not unfiltered. */
export function renderAceList(entries: readonly AclEntry[], family: Family): string[] {
  const aces = entries
    .filter((entry) => entry.family === family)
    .flatMap((entry) => {
      const lines = renderAces(entry);
      if (!lines) throw new TypeError(`inconsistent ACL entry: ${entry.action} ${entry.protocol}`);
      return lines;
    });
  const [list, deny] = family === 4 ? ['ip:inacl', 'deny ip any any'] : ['ipv6:inacl', 'deny ipv6 any any'];
  return [...aces, deny].map((ace, i) => `${list}#${i + 1}=${ace}`);
}

export const inlineAces: AclForm = {
  summary: 'each entry inline as `ip:inacl#n=` and `ipv6:inacl#n=`',
  carriesEntries: true,
  carriers: ['ip:inacl', 'ipv6:inacl'],
  renderEntry: renderAces,
  render: ({ entries }) =>
    ([4, 6] as const).flatMap((family) => renderAceList(entries, family)).map(ciscoAvPairAttribute),
  read: parseCiscoAces,
};
