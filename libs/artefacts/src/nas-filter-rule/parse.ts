import type { Result } from '#base';
import {
  type AddressMatch,
  hasPorts,
  type Interval,
  isIcmp,
  linesOf,
  LineWords,
  NotUnderstood,
  type PacketMatch,
  protocols,
  readText,
  serviceKey,
  type TextLine,
} from '#net';
import type { Filter, FilterLine } from '../filter.js';

const names: ReadonlyMap<string, number | null> = new Map([['ip', null], ...Object.entries(protocols)]);

/**
 * IPFilterRule (RFC 6733 §4.3.1), one rule a line, bare or as `NAS-Filter-Rule += "…"`. `any` means both families. Rules with
 * `out` are about traffic to the device and are passed over.
 *
 * INVARIANT: the first matching rule decides. For what no rule matches, the RFC says: dropped if the last rule was a permit,
 * *passed* if it was a deny; makers of switches drop it. Where the two differ the text is refused, not read one way.
 */
export function parse(text: string): Result<Filter> {
  return readText('text', () => {
    const rules = linesOf(text).flatMap(readLine);
    const last = rules.at(-1);
    if (!last)
      throw new NotUnderstood(null, 'there is no rule for traffic from the device', 'rules read `permit in …`');
    if (!last.permits && last.matches.some((match) => Object.keys(match).length > 0))
      throw new NotUnderstood(
        last.at,
        'the last rule is a deny that does not close everything: RFC 6733 lets the rest pass, most switches drop it',
        'end with `deny in ip from any to any`',
      );
    return rules;
  });
}

function readLine(line: TextLine): FilterLine[] {
  const text = line.text.trim();
  if (text === '' || text.startsWith('#')) return [];
  const quoted = /^NAS-Filter-Rule\s*(?:\+=|:=|=)\s*"([^"\\]*)",?$/i.exec(text);
  const words = new LineWords(line, quoted ? quoted[1] : text);
  const permits = words.permits('permit', 'deny');
  const direction = words.take();
  if (direction === 'out') return [];
  if (direction !== 'in') throw words.fault(`has \`${direction}\` where \`in\` or \`out\` belongs`);
  return [{ permits, matches: readConditions(words), at: line.at, text: text }];
}

function readConditions(words: LineWords): PacketMatch[] {
  const name = words.take();
  const known = names.get(name);
  const protocol = known === undefined ? words.number(name, 255) : known;
  words.expect('from');
  const source = readAddresses(words);
  const sourcePorts = readPorts(words, protocol);
  words.expect('to');
  const destination = readAddresses(words);
  const ports = readPorts(words, protocol);
  const options = readOptions(words, protocol);
  const family = destination?.family ?? source?.family;
  if (source && destination && source.family !== destination.family)
    throw words.fault('has addresses of both families, so it matches nothing');
  const services = ports ?? options.types ?? [{ first: 0, last: 0xffff }];
  return [
    {
      ...(family !== undefined && { family }),
      ...(protocol !== null && {
        services: services.map(({ first, last }) => ({
          first: serviceKey(protocol, first),
          last: serviceKey(protocol, last),
        })),
      }),
      ...narrowed('source', source),
      ...narrowed('destination', destination),
      ...(sourcePorts && { sourcePorts }),
      ...(options.established && { established: true }),
    },
  ];
}

const narrowed = (side: 'source' | 'destination', match: AddressMatch | null): PacketMatch =>
  match ? { [side]: [match.range] } : {};

/** Null: any, of both families. */
function readAddresses(words: LineWords): AddressMatch | null {
  const word = words.take();
  if (word === 'any') return null;
  if (word === 'assigned')
    throw words.fault('says `assigned`, the addresses that the device was given, which are not known here');
  if (word.startsWith('!')) throw words.fault('negates an address, which is not modelled');
  return words.prefix(word);
}

/** `443` or `80,443,5000-5010`. */
function readPorts(words: LineWords, protocol: number | null): Interval<number>[] | null {
  const word = words.peek();
  if (word === null || !/^\d/.test(word)) return null;
  if (protocol === null || !hasPorts(protocol)) throw words.fault('has ports for a protocol without ports');
  return readList(words, 0xffff);
}

function readList(words: LineWords, limit: number): Interval<number>[] {
  return words
    .take()
    .split(',')
    .map((item) => {
      const [low = '', high = low, ...more] = item.split('-');
      const first = words.number(low, limit);
      const last = words.number(high, limit);
      if (more.length > 0 || first > last) throw words.fault(`has the range \`${item}\``);
      return { first, last };
    })
    .sort((a, b) => a.first - b.first);
}

interface Options {
  readonly types: readonly Interval<number>[] | null;
  readonly established: boolean;
}

function readOptions(words: LineWords, protocol: number | null): Options {
  let types: readonly Interval<number>[] | null = null;
  let established = false;
  for (let word = words.peek(); word !== null; word = words.peek()) {
    words.take();
    if (word === 'established' && protocol === protocols.tcp) established = true;
    else if (word === 'icmptypes' && protocol !== null && isIcmp(protocol)) types = readList(words, 255);
    else throw words.fault(`has the option \`${word}\`, which is not modelled`);
  }
  return { types, established };
}
