import { formatAddress, formatPrefix, protocols, type AclEntry, type Interval, type Prefix } from '#net';
import { isConsistentEntry, isIcmpEntry } from '../acl.js';
import { ciscoAvPairAttribute } from '../build.js';
import { nasIdentification, stationIdentification } from './identification.js';
import type { NasProfile } from './profile.js';

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

/**
 * Catalyst with IOS XE: ACEs inline as Cisco-AVPair. A CoA-Request there is a command to a session, not a new
 * authorization: the switch is asked to authenticate again and gets it in the Access-Accept. All session attributes in a
 * request must match, so only those go out that these switches know: Calling-Station-Id, Acct-Session-Id, audit-session-id.
 */
export const ciscoIosXe: NasProfile = {
  name: 'cisco-ios-xe',
  description: 'Cisco Catalyst switches with IOS XE',
  tunnelTag: 1,
  changeOfAuthorization: 'reauthenticate',
  reauthenticate: () => [
    ciscoAvPairAttribute('subscriber:command=reauthenticate'),
    ciscoAvPairAttribute('subscriber:reauthenticate-type=last'),
  ],
  bouncePort: () => [ciscoAvPairAttribute('subscriber:command=bounce-host-port')],
  renderEntry: renderAces,
  /** Each family is numbered by itself and closed by its own deny: one without permits is closed, not unfiltered. */
  renderAcl(acl) {
    return ([4, 6] as const).flatMap((family) => {
      const own = acl.filter((entry) => entry.family === family);
      const aces = own.flatMap((entry) => {
        const lines = renderAces(entry);
        if (!lines) throw new TypeError(`inconsistent ACL entry: ${entry.action} ${entry.protocol}`);
        return lines;
      });
      const [list, deny] = family === 4 ? ['ip:inacl', 'deny ip any any'] : ['ipv6:inacl', 'deny ipv6 any any'];
      return [...aces, deny].map((ace, i) => ciscoAvPairAttribute(`${list}#${i + 1}=${ace}`));
    });
  },
  /** Four hex digits and the generation of the tag's policy. */
  renderSgt: (sgt) => [ciscoAvPairAttribute(`cts:security-group-tag=${sgt.toString(16).padStart(4, '0')}-00`)],
  identifySession(session) {
    const audit = session.auditSessionId;
    return [
      ...nasIdentification(session),
      ...stationIdentification(session),
      ...(audit ? [ciscoAvPairAttribute(`audit-session-id=${audit}`)] : []),
    ];
  },
};
