import type { Connection } from '#model';
import { formatAddress, hasPorts, isIcmp, parseAddress } from '#net';
import { TerminalFault } from '../driver.js';

/**
 * `conntrack -L -o extended`: two words of family, two of protocol, then the tuple of the opener's direction, then that of the
 * replies. Only the first tuple counts.
 *
 *   ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.1.1 sport=4096 dport=443 src=10.0.1.1 …
 *   ipv6     10 icmpv6   58 29 src=fd00::1 dst=fd00::2 type=128 code=0 id=7121 src=fd00::2 …
 */
export function parseConnections(text: string): Connection[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseConnection);
}

function parseConnection(line: string): Connection {
  const words = line.trim().split(/\s+/, 40);
  const protocol = /^\d{1,3}$/.test(words[3] ?? '') ? Number(words[3]) : Number.NaN;
  // the first occurrence is the opener's direction
  const word = (key: string): string | undefined => words.find((word) => word.startsWith(key))?.slice(key.length);
  const source = parseAddress(word('src=') ?? '');
  const destination = parseAddress(word('dst=') ?? '');
  const isTuple = /^ipv[46]$/.test(words[0] ?? '') && protocol <= 255 && source && destination;
  if (!isTuple)
    throw new TerminalFault(`a line of \`conntrack -L -o extended\` is not understood: ${line.slice(0, 200)}`);
  const number = (key: string): number => Number(word(key) ?? 0);
  const ports = isIcmp(protocol) ? [number('id='), number('type=')] : [number('sport='), number('dport=')];
  return { source, destination, protocol, sourcePort: ports[0] ?? 0, destinationPort: ports[1] ?? 0 };
}

/** The input of `conntrack -R -`: one deletion a line, which finds exactly this connection, and is content to find none. */
export function formatCuts(connections: readonly Connection[]): string {
  return connections.map((connection) => `${formatCut(connection)}\n`).join('');
}

function formatCut({ source, destination, protocol, sourcePort, destinationPort }: Connection): string {
  const tuple = `-D -f ipv${source.family} -p ${protocol} --orig-src ${formatAddress(source)} --orig-dst ${formatAddress(destination)}`;
  if (hasPorts(protocol)) return `${tuple} --sport ${sourcePort} --dport ${destinationPort}`;
  if (protocol === 1) return `${tuple} --icmp-type ${destinationPort} --icmp-id ${sourcePort}`;
  if (protocol === 58) return `${tuple} --icmpv6-type ${destinationPort} --icmpv6-id ${sourcePort}`;
  return tuple;
}
