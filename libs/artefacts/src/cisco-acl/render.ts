import { success, type Result } from '#base';
import { families, formatAddress, formatPrefix, isIcmp, type AclEntry, type Interval, type Prefix } from '#net';

const protocolWords: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/**
 * Two named lists as they stand in a running-config, one for each family: `NAME` and `NAME-V6`, since IOS XE has one name space
 * for both. Numbered in tens, as IOS XE does it, and each ends in a deny of its own.
 */
export function render(acl: readonly AclEntry[], name: string): Result<string> {
  const lists = families.map((family) => {
    const entries = acl.filter((entry) => entry.family === family).flatMap(acesOf);
    const [head, deny] =
      family === 4 ? ['ip access-list extended', 'deny ip any any'] : ['ipv6 access-list', 'deny ipv6 any any'];
    const title = `${head} ${name}${family === 4 ? '' : '-V6'}`;
    const number = (i: number): string => (family === 4 ? `${10 * (i + 1)}` : `sequence ${10 * (i + 1)}`);
    return [title, ...[...entries, deny].map((ace, i) => ` ${number(i)} ${ace}`), '!'].join('\n');
  });
  return success(`${lists.join('\n')}\n`);
}

/** Several only for a range of ICMP types, of which an entry takes one. */
function acesOf({
  action,
  family,
  protocol,
  sourcePorts,
  destination,
  destinationPorts,
  established,
}: AclEntry): string[] {
  const what = protocolWord(family, protocol);
  const head = `${action} ${what} any${ports(sourcePorts)} ${addresses(destination)}`;
  if (protocol !== null && isIcmp(protocol)) {
    if (!destinationPorts) return [head];
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => `${head} ${first + i}`);
  }
  return [`${head}${ports(destinationPorts)}${established ? ' established' : ''}`];
}

function protocolWord(family: number, protocol: number | null): string {
  if (protocol === null) return family === 4 ? 'ip' : 'ipv6';
  if (protocol === (family === 4 ? 1 : 58)) return 'icmp';
  return protocolWords.get(protocol) ?? `${protocol}`;
}

function ports(range: Interval<number> | null): string {
  if (!range) return '';
  return range.first === range.last ? ` eq ${range.first}` : ` range ${range.first} ${range.last}`;
}

function addresses(prefix: Prefix | null): string {
  if (!prefix || prefix.length === 0) return 'any';
  const bits = prefix.family === 4 ? 32 : 128;
  if (prefix.length === bits) return `host ${formatAddress(prefix)}`;
  if (prefix.family === 6) return formatPrefix(prefix);
  const wildcard = formatAddress({ family: 4, value: (1n << BigInt(bits - prefix.length)) - 1n });
  return `${formatAddress(prefix)} ${wildcard}`;
}
