import { success, type Result } from '#base';
import { formatPrefix, hasPorts, isIcmp, type AclEntry, type Interval } from '#net';

/** ARP is no IP: without it nothing finds its neighbours. */
const arp = 'table=0,priority=65535,arp actions=NORMAL';
const miss = 'table=0,priority=0 actions=drop';
const firstPriority = 60_000;

/**
 * One table without connection tracking: entries by falling priority, so that the first that matches decides; what none matches
 * is dropped. A range of ports becomes as few masks as it can. `established` (ACK or RST) takes two flows, since a flow's flags are ANDed.
 */
export function render(acl: readonly AclEntry[]): Result<string> {
  const flows = acl.flatMap((entry, i) =>
    matchesOf(entry).map(
      (match) =>
        `table=0,priority=${firstPriority - i},${match} actions=${entry.action === 'permit' ? 'NORMAL' : 'drop'}`,
    ),
  );
  return success(`${[arp, ...flows, miss].join('\n')}\n`);
}

function matchesOf({ family, protocol, sourcePorts, destination, destinationPorts, established }: AclEntry): string[] {
  const head = protocolMatch(family, protocol);
  const to =
    destination && destination.length > 0
      ? `,${family === 4 ? 'nw_dst' : 'ipv6_dst'}=${formatPrefix(destination)}`
      : '';
  const flags = established ? [',tcp_flags=+ack', ',tcp_flags=+rst'] : [''];
  const icmp = protocol !== null && isIcmp(protocol);
  const ports = icmp ? typeMatches(destinationPorts) : portMatches('tp_dst', destinationPorts);
  return flags.flatMap((flag) =>
    portMatches('tp_src', sourcePorts).flatMap((from) => ports.map((port) => `${head}${to}${from}${port}${flag}`)),
  );
}

function protocolMatch(family: 4 | 6, protocol: number | null): string {
  if (protocol === null) return family === 4 ? 'ip' : 'ipv6';
  if (protocol === 1 || protocol === 58) return protocol === 1 ? 'icmp' : 'icmp6';
  const name = hasPorts(protocol) ? { 6: 'tcp', 17: 'udp', 132: 'sctp' }[protocol as 6 | 17 | 132] : null;
  if (name) return family === 4 ? name : `${name}6`;
  return `${family === 4 ? 'ip' : 'ipv6'},nw_proto=${protocol}`;
}

function typeMatches(range: Interval<number> | null): string[] {
  if (!range) return [''];
  return Array.from({ length: range.last - range.first + 1 }, (_, i) => `,icmp_type=${range.first + i}`);
}

function portMatches(field: string, range: Interval<number> | null): string[] {
  if (!range || (range.first === 0 && range.last === 0xffff)) return [''];
  const out: string[] = [];
  for (let from = range.first; from <= range.last;) {
    let size = 1;
    while ((from & (2 * size - 1)) === 0 && from + 2 * size - 1 <= range.last) size *= 2;
    out.push(size === 1 ? `,${field}=${from}` : `,${field}=0x${from.toString(16)}/0x${(0x10000 - size).toString(16)}`);
    from += size;
  }
  return out;
}
