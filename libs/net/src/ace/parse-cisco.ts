import { parseAddress, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { hasPorts, protocols } from '../service.js';
import type { Ace } from './ace.js';
import { icmp6Types, icmpTypes, protocolNames, tcpPorts, udpPorts } from './cisco-names.js';
import { prefixMatch, type AddressMatch, type LineWords } from './text.js';

/**
 * `permit tcp any range 3613 3620 10.10.4.0 0.0.3.255 established`: one entry of an extended list, of the family whose list
 * it stands in. Reads to the end of the line.
 *
 * Modelled: protocol by name or number, `any`, `host`, prefixes, contiguous wildcard masks, `eq` (with several ports), `neq`,
 * `lt`, `gt`, `range`, port names, ICMP types by name or number, `established`, `log`, `log-input`.
 * Refused: wildcard masks with gaps, object groups, ICMP codes, TCP flags, `fragments`, `dscp`, `precedence`, `tos`, `ttl`,
 * `time-range`, `option`, `reflect`, `evaluate`.
 */
export function parseCiscoAce(words: LineWords, family: Family): Ace {
  const permits = words.permits('permit', 'deny');
  if (words.peek() === 'object-group') throw words.fault('names an object group, whose members stand elsewhere');
  const protocol = parseProtocol(words, family);
  const source = parseAddresses(words, family);
  const sourcePorts = parsePorts(words, protocol);
  const destination = parseAddresses(words, family);
  const destinationPorts = parsePorts(words, protocol) ?? parseIcmpType(words, family, protocol);
  const established = parseOptions(words, protocol);
  return { permits, family, protocol, source, sourcePorts, destination, destinationPorts, established };
}

/** Null: every protocol. */
function parseProtocol(words: LineWords, family: Family): number | null {
  const name = words.take();
  if (name === 'ip' || name === 'ipv6') {
    if ((name === 'ip') !== (family === 4)) throw words.fault(`has \`${name}\` in a list of IPv${family}`);
    return null;
  }
  if (name === 'icmp') return family === 4 ? protocols.icmp : protocols.icmp6;
  return protocolNames.get(name) ?? words.number(name, 255);
}

/** Null: any. */
function parseAddresses(words: LineWords, family: Family): AddressMatch | null {
  if (words.accept('any')) return null;
  if (words.peek() === 'object-group' || words.peek() === 'addrgroup')
    throw words.fault('names an object group, whose members stand elsewhere');
  if (words.accept('host')) {
    const address = parseAddress(words.take());
    if (!address || address.family !== family) throw words.fault(`has no IPv${family} address after \`host\``);
    return prefixMatch(family, address.value, family === 4 ? 32 : 128);
  }
  const first = words.take();
  if (family === 4) return parseWildcard(words, first);
  if (!first.includes('/')) throw words.fault(`has \`${first}\` where \`any\`, \`host\` or a prefix belongs`);
  const match = words.prefix(first);
  if (match.family !== 6) throw words.fault(`has \`${first}\` in a list of IPv6`);
  return match;
}

/** Ones of the mask say which bits don't count. With gaps in it, it is no prefix; that is refused, not rounded. */
function parseWildcard(words: LineWords, text: string): AddressMatch {
  const address = parseAddress(text);
  const wildcard = words.take();
  const mask = parseAddress(wildcard);
  if (address?.family !== 4 || mask?.family !== 4)
    throw words.fault(`has \`${text} ${wildcard}\` where an address and a wildcard mask belong`);
  if ((mask.value & (mask.value + 1n)) !== 0n)
    throw words.fault(`has the wildcard mask \`${wildcard}\` with gaps in it`);
  return prefixMatch(4, address.value, 32 - (mask.value === 0n ? 0 : mask.value.toString(2).length));
}

function parsePorts(words: LineWords, protocol: number | null): Interval<number>[] | null {
  const operator = words.peek();
  if (operator === 'portgroup') throw words.fault('names a group of ports, whose members stand elsewhere');
  if (operator === null || !['eq', 'neq', 'lt', 'gt', 'range'].includes(operator)) return null;
  if (protocol === null || !hasPorts(protocol)) throw words.fault(`has \`${operator}\` for a protocol without ports`);
  const names = protocol === protocols.tcp ? tcpPorts : protocol === protocols.udp ? udpPorts : noNames;
  const isPort = (word: string | null): boolean => word !== null && (/^\d+$/.test(word) || names.has(word));
  const port = (): number => {
    const word = words.take();
    return names.get(word) ?? words.number(word, 0xffff);
  };
  words.take();
  if (operator === 'range') return between(words, port(), port());
  if (operator === 'lt') return between(words, 0, port() - 1);
  if (operator === 'gt') return between(words, port() + 1, 0xffff);
  const named = [port()];
  while (isPort(words.peek())) named.push(port());
  const chosen = [...new Set(named)].sort((a, b) => a - b).map((first) => ({ first, last: first }));
  return operator === 'eq' ? chosen : complement(words, chosen);
}

const noNames: ReadonlyMap<string, number> = new Map();

function between(words: LineWords, first: number, last: number): Interval<number>[] {
  if (first > last) throw words.fault('has a condition on ports that no packet meets');
  return [{ first, last }];
}

function complement(words: LineWords, chosen: readonly Interval<number>[]): Interval<number>[] {
  const out: Interval<number>[] = [];
  let from = 0;
  for (const { first } of chosen) {
    if (from < first) out.push({ first: from, last: first - 1 });
    from = first + 1;
  }
  if (from <= 0xffff) out.push({ first: from, last: 0xffff });
  return out.length > 0 ? out : between(words, 1, 0);
}

function parseIcmpType(words: LineWords, family: Family, protocol: number | null): Interval<number>[] | null {
  if (protocol !== (family === 4 ? protocols.icmp : protocols.icmp6)) return null;
  const names = family === 4 ? icmpTypes : icmp6Types;
  const word = words.peek();
  if (word === null || !(/^\d+$/.test(word) || names.has(word))) return null;
  words.take();
  const first = names.get(word) ?? words.number(word, 255);
  if (/^\d+$/.test(words.peek() ?? '')) throw words.fault('names an ICMP code');
  return [{ first, last: first }];
}

/** True for `established`. Logging changes nothing about what passes. */
function parseOptions(words: LineWords, protocol: number | null): boolean {
  let established = false;
  for (let word = words.peek(); word !== null; word = words.peek()) {
    if (word === 'established' && protocol === protocols.tcp) established = true;
    else if (word !== 'log' && word !== 'log-input') throw words.fault(`has \`${word}\`, which is not modelled`);
    words.take();
  }
  return established;
}
