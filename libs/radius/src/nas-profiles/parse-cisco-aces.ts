import { failure, success, type Result } from '#base';
import {
  hasPorts,
  isConsistentEntry,
  isIcmpEntry,
  parseAddress,
  protocols,
  type AclEntry,
  type Family,
  type Interval,
  type Prefix,
} from '#net';
import { readCiscoAvPairs } from '../attributes.js';
import type { Attribute } from '../packet.js';
import { missingAcl, SyntaxFault, Words } from './words.js';

/**
 * Reads the inline ACL of Cisco-AVPair back into entries, IPv4 first: the inverse of what `cisco-ios-xe` writes, made
 * without it. The switch orders by number, so does this; two of one number would overwrite each other and are refused.
 */
export function parseCiscoAces(attributes: readonly Attribute[]): Result<readonly AclEntry[]> {
  try {
    const pairs = readCiscoAvPairs(attributes);
    const v4 = readList(pairs, 'ip:inacl#', 4);
    const v6 = readList(pairs, 'ipv6:inacl#', 6);
    const missing = [...(v4.length === 0 ? ['ip:inacl'] : []), ...(v6.length === 0 ? ['ipv6:inacl'] : [])];
    return missing.length > 0 ? failure(missing.map((name) => missingAcl(`\`${name}\``))) : success([...v4, ...v6]);
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault;
    const hint = 'the entry is not one that Cordon writes';
    return failure([{ severity: 'error', code: 'bad-ace', summary: fault.message, hint }]);
  }
}

function readList(pairs: readonly string[], prefix: string, family: Family): AclEntry[] {
  const byNumber = new Map<number, AclEntry>();
  for (const pair of pairs) {
    if (!pair.startsWith(prefix)) continue;
    const match = /^(\d{1,9})=(.*)$/.exec(pair.slice(prefix.length));
    if (!match) throw new SyntaxFault(`\`${pair.slice(0, 120)}\` has no entry number`);
    const [, digits = '', ace = ''] = match;
    if (byNumber.has(Number(digits))) throw new SyntaxFault(`entry number ${digits} of \`${prefix}\` is there twice`);
    byNumber.set(Number(digits), parseAce(ace, family));
  }
  return [...byNumber].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

function parseAce(ace: string, family: Family): AclEntry {
  const words = new Words(ace);
  const action = words.action();
  const protocol = parseProtocol(words, family);
  const ported = protocol !== null && hasPorts(protocol);
  words.expect('any');
  const sourcePorts = ported ? parsePorts(words) : null;
  const destination = parseDestination(words, family);
  const destinationPorts = ported ? parsePorts(words) : parseIcmpType(words, family, protocol);
  const established = words.accept('established');
  words.end();
  const entry = { action, family, protocol, sourcePorts, destination, destinationPorts, established };
  if (!isConsistentEntry(entry)) throw words.fault('has conditions that do not fit together');
  return entry;
}

function parseProtocol(words: Words, family: Family): number | null {
  const name = words.next();
  switch (name) {
    case 'ip':
    case 'ipv6':
      if ((name === 'ip') !== (family === 4)) throw words.fault(`has \`${name}\` in a list of IPv${family}`);
      return null;
    case 'icmp':
      return family === 4 ? protocols.icmp : protocols.icmp6;
    case 'tcp':
    case 'udp':
    case 'sctp':
      return protocols[name];
    default:
      return words.number(name, 255);
  }
}

function parsePorts(words: Words): Interval<number> | null {
  if (words.accept('eq')) {
    const port = words.next();
    return words.range(port, port, 0xffff);
  }
  return words.accept('range') ? words.range(words.next(), words.next(), 0xffff) : null;
}

function parseIcmpType(words: Words, family: Family, protocol: number | null): Interval<number> | null {
  if (!isIcmpEntry({ family, protocol }) || words.peek() === null) return null;
  const type = words.next();
  return words.range(type, type, 255);
}

function parseDestination(words: Words, family: Family): Prefix | null {
  if (words.accept('any')) return null;
  const prefix = words.accept('host')
    ? parseHost(words)
    : family === 4
      ? parseWildcard(words)
      : words.prefix(words.next());
  if (prefix.family !== family) throw words.fault(`has an address of the other family in a list of IPv${family}`);
  return prefix.length === 0 ? null : prefix;
}

function parseHost(words: Words): Prefix {
  const text = words.next();
  if (text.includes('/')) throw words.fault(`has \`${text}\` for a host`);
  return words.prefix(text);
}

/** `10.1.0.0 0.0.255.255`; ones must be at the end, or it is no prefix. */
function parseWildcard(words: Words): Prefix {
  const address = words.next();
  const wildcard = words.next();
  const mask = parseAddress(wildcard);
  if (mask?.family !== 4 || (mask.value & (mask.value + 1n)) !== 0n)
    throw words.fault(`has \`${wildcard}\` for a wildcard mask`);
  return words.prefix(`${address}/${32 - (mask.value === 0n ? 0 : mask.value.toString(2).length)}`);
}
