import type { Result } from '#base';
import {
  type Family,
  hasPorts,
  type Interval,
  linesOf,
  LineWords,
  NotUnderstood,
  type PacketMatch,
  readText,
  serviceKey,
  type TextLine,
} from '#net';
import { allOf, everything, type Filter, type FilterLine } from '../filter.js';

const names: ReadonlyMap<string, number | null> = new Map([
  ['ip', null],
  ['icmp', 1],
  ['igmp', 2],
  ['tcp', 6],
  ['udp', 17],
]);
const attributes = ['nas-filter-rule', 'hp-nas-filter-rule', 'aruba-nas-filter-rule'] as const;
type RuleAttribute = (typeof attributes)[number];

/** A string in a vendor's attribute. */
const longestRule = 247;

/**
 * The filter rules of one RADIUS reply, an attribute a line. Read as the HPE ArubaOS-Switch Access Security Guide 16.06 and 16.09
 * says, chapter RADIUS-assigned ACLs (README.md names the sections): first match, an implicit `deny in ip from any to any`,
 * and IPv6 only with `HP-NAS-Rules-IPv6 = 1`; then `any` means both families.
 */
export function parse(text: string): Result<Filter> {
  return readText('text', () => {
    const rules: { line: TextLine; attribute: RuleAttribute; rule: string }[] = [];
    let mode: number | null = null;
    for (const line of linesOf(text)) {
      const trimmed = line.text.trim();
      if (trimmed === '' || trimmed.startsWith('#')) continue;
      const match = /^([\w-]+)\s*(?:\+=|:=|=)\s*"?([^"\\]*?)"?,?$/.exec(trimmed);
      const name = (match?.[1] ?? '').toLowerCase();
      const words = new LineWords(line);
      if (name === 'hp-nas-rules-ipv6') {
        if (mode !== null) throw words.fault('is there twice');
        mode = words.number(match![2]!, 2);
        if (mode === 0) throw words.fault('must be 1 or 2');
      } else if (isRuleAttribute(name)) rules.push({ line, attribute: name, rule: match![2]! });
      else throw words.fault('is no attribute with a filter rule');
    }
    const used = new Set(rules.map(({ attribute }) => attribute));
    if (used.size === 0) throw new NotUnderstood(null, 'there is no filter rule', 'give the attributes of one reply');
    if (used.size > 1)
      throw new NotUnderstood(
        null,
        `rules come in several attributes (${[...used].join(', ')}), so they have no order`,
        'use one',
      );
    const filter = rules.map(({ line, attribute, rule }) => readRule(line, rule, attribute));
    const dropped: FilterLine = {
      permits: false,
      matches: [allOf(6)],
      at: null,
      text: 'IPv6 is dropped: no HP-NAS-Rules-IPv6 = 1',
    };
    const isFourOnly = !used.has('aruba-nas-filter-rule') && (mode !== 1 || used.has('hp-nas-filter-rule'));
    const last: FilterLine = {
      permits: false,
      matches: [everything],
      at: null,
      text: 'implicit deny in ip from any to any',
    };
    return [...(isFourOnly ? [dropped] : []), ...filter, last];
  });
}

const isRuleAttribute = (name: string): name is RuleAttribute => (attributes as readonly string[]).includes(name);

function readRule(line: TextLine, rule: string, attribute: RuleAttribute): FilterLine {
  const words = new LineWords(line, rule);
  if (rule.length > longestRule) throw words.fault(`is longer than ${longestRule} bytes`);
  const permits = words.permits('permit', 'deny');
  words.expect('in');
  const name = words.take();
  const known = names.get(name);
  const protocol = known === undefined ? words.number(name, 255) : known;
  words.expect('from');
  words.expect('any');
  words.expect('to');
  const match = readDestination(words, permits, attribute);
  const ports = readPorts(words, protocol);
  words.accept('cnt');
  words.end();
  const services =
    protocol === null
      ? {}
      : { services: [{ first: serviceKey(protocol, ports.first), last: serviceKey(protocol, ports.last) }] };
  const family: { family?: Family } = name === 'icmp' || name === 'igmp' ? { family: 4 } : {};
  if (family.family === 4 && match.family === 6) throw words.fault(`has \`${name}\`, which is IPv4 only, for IPv6`);
  return { permits, matches: [{ ...family, ...match, ...services }], at: line.at, text: line.text };
}

function readDestination(words: LineWords, permits: boolean, attribute: RuleAttribute): PacketMatch {
  const word = words.take();
  if (word === 'any') {
    if (attribute === 'aruba-nas-filter-rule' && permits)
      throw words.fault('permits `any` in Aruba-NAS-Filter-Rule, of which we do not know whether it covers IPv6');
    return everything;
  }
  const { family, range } = words.prefix(word === 'host' ? words.take() : word);
  return { family, destination: [range] };
}

function readPorts(words: LineWords, protocol: number | null): Interval<number> {
  const word = words.peek();
  if (word === null || !/^\d/.test(word)) return { first: 0, last: 0xffff };
  if (protocol === null || !hasPorts(protocol) || protocol === 132)
    throw words.fault('has ports, which need TCP or UDP');
  const [low = '', high = low, ...more] = words.take().split('-');
  const range = { first: words.number(low, 0xffff), last: words.number(high, 0xffff) };
  if (more.length > 0 || range.first > range.last) throw words.fault(`has the range \`${word}\``);
  return range;
}
