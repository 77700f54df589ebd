import { parseAddress, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { hasPorts, protocols } from '../service.js';
import type { Ace } from './ace.js';
import { prefixMatch, type AddressMatch, type LineWords } from './text.js';

const protocolNames: ReadonlyMap<string, number> = new Map([
  ['ah', 51],
  ['esp', 50],
  ['gre', 47],
  ['igmp', 2],
  ['ospf', 89],
  ['pim', 103],
  ['sctp', protocols.sctp],
  ['tcp', protocols.tcp],
  ['udp', protocols.udp],
]);

/** The two that have names: HPE AOS-CX 10.06, ACLs and Classifier Policies Guide. */
const icmpTypes: Readonly<Record<Family, ReadonlyMap<string, number>>> = {
  4: new Map([
    ['echo-reply', 0],
    ['echo', 8],
  ]),
  6: new Map([
    ['echo', 128],
    ['echo-reply', 129],
  ]),
};

/**
 * `tcp any range 3613 3620 10.10.4.0/22 established`: what a line of a class or an access list of AOS-CX matches, to the end of the
 * line. The word before it has been read: it says what becomes of the packet.
 *
 * Modelled: protocols by name or number, `any`, addresses with length or mask, `eq`, `gt`, `lt`, `range`, `established`, `icmp-type`,
 * `count`, `log`. Refused: names of ports, groups, ICMP codes, single TCP flags, `fragment`, `vlan`, `dscp` and the like.
 */
export function parseArubaCxAce(words: LineWords, family: Family, permits: boolean): Ace {
  const protocol = readProtocol(words, family);
  const source = readAddresses(words, family);
  const sourcePorts = readPorts(words, protocol);
  const destination = readAddresses(words, family);
  const destinationPorts = readPorts(words, protocol) ?? readIcmpType(words, family, protocol);
  const established = protocol === protocols.tcp && words.accept('established');
  words.accept('count');
  words.accept('log');
  words.end();
  return { permits, family, protocol, source, sourcePorts, destination, destinationPorts, established };
}

/** Null: every protocol. */
function readProtocol(words: LineWords, family: Family): number | null {
  const name = words.take();
  if (name === 'any' || name === (family === 4 ? 'ip' : 'ipv6')) return null;
  if (name === (family === 4 ? 'icmp' : 'icmpv6')) return family === 4 ? protocols.icmp : protocols.icmp6;
  return protocolNames.get(name) ?? words.number(name, 255);
}

/** Null: any. `10.10.4.0/22` and `10.10.4.0/255.255.252.0` alike. */
function readAddresses(words: LineWords, family: Family): AddressMatch | null {
  if (words.accept('any')) return null;
  const text = words.take();
  const [head = '', tail = ''] = text.split('/');
  const mask = /^\d+\.\d+\.\d+\.\d+$/.test(tail) ? parseAddress(tail) : null;
  const match = mask ? maskedMatch(words, head, mask.value) : words.prefix(text);
  if (match.family !== family) throw words.fault(`has \`${text}\` in a class of IPv${family}`);
  return match;
}

/** With gaps in its mask it is no prefix; that is refused, not rounded. */
function maskedMatch(words: LineWords, text: string, mask: bigint): AddressMatch {
  const free = 0xffff_ffffn - mask;
  if ((free & (free + 1n)) !== 0n) throw words.fault('has a mask with gaps in it');
  const { family, range } = words.prefix(text);
  if (family !== 4) throw words.fault('has a mask of IPv4 behind an address of IPv6');
  return prefixMatch(4, range.first, 32 - (free === 0n ? 0 : free.toString(2).length));
}

function readPorts(words: LineWords, protocol: number | null): Interval<number>[] | null {
  const operator = words.peek();
  if (operator === null || !['eq', 'gt', 'lt', 'range'].includes(operator)) return null;
  if (protocol === null || !hasPorts(protocol)) throw words.fault(`has \`${operator}\` for a protocol without ports`);
  words.take();
  const first = words.number(words.take(), 0xffff);
  const found =
    operator === 'eq'
      ? { first, last: first }
      : operator === 'gt'
        ? { first: first + 1, last: 0xffff }
        : operator === 'lt'
          ? { first: 0, last: first - 1 }
          : { first, last: words.number(words.take(), 0xffff) };
  if (found.first > found.last) throw words.fault('has a condition on ports that no packet meets');
  return [found];
}

function readIcmpType(words: LineWords, family: Family, protocol: number | null): Interval<number>[] | null {
  if (protocol !== (family === 4 ? protocols.icmp : protocols.icmp6) || !words.accept('icmp-type')) return null;
  const word = words.take();
  const first = icmpTypes[family].get(word) ?? words.number(word, 255);
  return [{ first, last: first }];
}
