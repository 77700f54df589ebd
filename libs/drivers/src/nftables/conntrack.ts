import type { Connection } from '#model';
import { formatAddress, hasPorts, isIcmp, parseAddress, type Family } from '#net';
import { TerminalFault, type ConnectionListing } from '../driver.js';

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

/** An address that `formatAddress` made is no word that a shell could misread. */
export function listConnections(family: Family, filter: readonly string[]): readonly string[] {
  return ['conntrack', '-L', '-f', `ipv${family}`, ...filter, '-o', 'extended'];
}

/**
 * Lines for `conntrack -R -`, each a deletion that is content to find nothing. conntrack reads the whole table for each of them, so
 * connections share one wherever it finds none of those that stay: all of an address, of a service, or of a pair of addresses. Without
 * a listing nobody knows what stays, and each has its own.
 *
 * INVARIANT: the lines find every connection of `doomed`, and none else of the listing. What is opened between listing and deletion may
 * share the fate of the others of its kind.
 */
export function planCuts(doomed: readonly Connection[], listed: ConnectionListing | null = null): string[] {
  const out: string[] = [];
  const left = new Set(doomed);
  for (const [filter, group] of listed ? sharedFilters(doomed, listed) : []) {
    const found = group.filter((connection) => left.has(connection));
    if (found.length < 2) continue;
    out.push(`-D ${filter}\n`);
    for (const connection of found) left.delete(connection);
  }
  return [...out, ...[...left].map((connection) => `-D ${formatExactly(connection)}\n`)];
}

/** Filters that find doomed connections only, with what they find: those that find most first. */
function sharedFilters(doomed: readonly Connection[], listed: ConnectionListing): [string, readonly Connection[]][] {
  const isDoomed = new Set(doomed);
  const spared = new Set(
    listed.connections.filter((each) => !isDoomed.has(each)).flatMap((each) => widerFilters(each, null)),
  );
  const known = listed.of && new Set(listed.of.map(formatAddress));
  const groups = new Map<string, Connection[]>();
  for (const connection of doomed)
    for (const filter of widerFilters(connection, known)) {
      if (spared.has(filter)) continue;
      const group = groups.get(filter) ?? [];
      groups.set(filter, group);
      group.push(connection);
    }
  return [...groups].sort(([, a], [, b]) => b.length - a.length);
}

/** `known`: addresses of which the listing has every connection; a filter without one of them may find others. Null: any. */
function widerFilters(
  { source, destination, protocol, destinationPort }: Connection,
  known: ReadonlySet<string> | null,
): string[] {
  const [from, to] = [formatAddress(source), formatAddress(destination)];
  const [family, src, dst] = [`-f ipv${source.family}`, `--orig-src ${from}`, `--orig-dst ${to}`];
  const service = hasPorts(protocol) ? ` -p ${protocol} --dport ${destinationPort}` : ` -p ${protocol}`;
  const bySource = [`${family} ${src}`];
  const byDestination = [`${family} ${dst}`, `${family} ${dst}${service}`];
  return [
    ...(!known || known.has(from) ? bySource : []),
    ...(!known || known.has(to) ? byDestination : []),
    `${family} ${src} ${dst}`,
    `${family} ${src} ${dst}${service}`,
  ];
}

/** Finds this connection alone: what is equal is the same. */
export function formatExactly({ source, destination, protocol, sourcePort, destinationPort }: Connection): string {
  const tuple = `-f ipv${source.family} -p ${protocol} --orig-src ${formatAddress(source)} --orig-dst ${formatAddress(destination)}`;
  if (hasPorts(protocol)) return `${tuple} --sport ${sourcePort} --dport ${destinationPort}`;
  if (protocol === 1) return `${tuple} --icmp-type ${destinationPort} --icmp-id ${sourcePort}`;
  if (protocol === 58) return `${tuple} --icmpv6-type ${destinationPort} --icmpv6-id ${sourcePort}`;
  return tuple;
}
