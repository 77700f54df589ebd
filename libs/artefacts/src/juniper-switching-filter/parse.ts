import type { Result } from '#base';
import {
  hasPorts,
  linesOf,
  LineWords,
  NotUnderstood,
  type PacketMatch,
  readText,
  serviceKey,
  type TextLine,
} from '#net';
import { allOf, type Filter, type FilterLine } from '../filter.js';

/** A string in a vendor's attribute. */
const longestTerm = 247;

/**
 * Terms of Juniper-Switching-Filter (vendor 2636, 48) of one reply, a term a line, bare or as an attribute; README.md says what
 * this was checked against. The first matching term decides. Conditions of a term must all hold.
 *
 * What is not documented is not guessed at: a permitting term must name Destination-ip, or it might match IPv6; the list must
 * end in a deny of `Destination-ip 0.0.0.0/0`; and IPv6, for which there is no condition, counts as not filtered.
 */
export function parse(text: string): Result<Filter> {
  return readText('text', () => {
    const terms = linesOf(text).flatMap(readLine);
    const last = terms.at(-1);
    if (!last) throw new NotUnderstood(null, 'there is no term', 'terms read `Match … Action allow`');
    if (last.permits || !last.matches.every(isAllOfFour))
      throw new NotUnderstood(
        last.at,
        'what no term matches is not said',
        'end with `Match Destination-ip 0.0.0.0/0 Action deny`',
      );
    const six = {
      permits: true,
      matches: [allOf(6)],
      at: null,
      text: 'the attribute has no condition for IPv6: it is not filtered',
    };
    return [...terms, six];
  });
}

const isAllOfFour = ({ family, services, sourcePorts, destination }: PacketMatch): boolean =>
  family === 4 && !services && !sourcePorts && destination?.[0]?.first === 0n && destination[0].last === 0xffff_ffffn;

function readLine(line: TextLine): FilterLine[] {
  const trimmed = line.text.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return [];
  const quoted = /^Juniper-Switching-Filter\s*(?:\+=|:=|=)\s*"([^"\\]*)",?$/i.exec(trimmed);
  const term = quoted ? quoted[1]! : trimmed;
  const words = new LineWords(line, term);
  if (term.length > longestTerm) throw words.fault(`is longer than ${longestTerm} bytes`);
  const parts = /^Match (.+) Action (allow|deny)$/i.exec(term);
  if (!parts) throw words.fault('does not read `Match … Action allow` or `… deny`');
  const permits = parts[2]!.toLowerCase() === 'allow';
  return [{ permits, matches: [readConditions(line, parts[1]!, permits)], at: line.at, text: line.text }];
}

function readConditions(line: TextLine, text: string, permits: boolean): PacketMatch {
  const found = new Map<string, string>();
  for (const condition of text.split(',')) {
    const words = new LineWords(line, condition);
    const name = words.take().toLowerCase();
    if (!['destination-ip', 'ip-protocol', 'source-port', 'destination-port'].includes(name))
      throw words.fault(`has the condition \`${name}\`, which is not modelled`);
    if (found.has(name)) throw words.fault(`has \`${name}\` twice`);
    found.set(name, words.take());
    words.end();
  }
  const words = new LineWords(line);
  const to = found.get('destination-ip');
  const destination = to === undefined ? null : words.prefix(to);
  if (destination?.family === 6) throw words.fault('has an IPv6 address, which the attribute does not take');
  if (permits && !destination) throw words.fault('permits without Destination-ip, so it may match IPv6 as well');
  const number = (name: string, limit: number): number | null => {
    const value = found.get(name);
    return value === undefined ? null : words.number(value, limit);
  };
  const protocol = number('ip-protocol', 255);
  const from = number('source-port', 0xffff);
  const port = number('destination-port', 0xffff);
  if ((from !== null || port !== null) && (protocol === null || !hasPorts(protocol)))
    throw words.fault('has a port without Ip-protocol 6 or 17');
  return {
    family: 4,
    ...(protocol !== null && {
      services: [{ first: serviceKey(protocol, port ?? 0), last: serviceKey(protocol, port ?? 0xffff) }],
    }),
    ...(destination && { destination: [destination.range] }),
    ...(from !== null && { sourcePorts: [{ first: from, last: from }] }),
  };
}
