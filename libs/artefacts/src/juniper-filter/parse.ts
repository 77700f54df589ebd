import type { Result } from '#base';
import {
  type Family,
  hasPorts,
  type Interval,
  linesOf,
  LineWords,
  NotUnderstood,
  type PacketMatch,
  protocols,
  readText,
  serviceKey,
  type TextLine,
} from '#net';
import { everything, type Filter, type FilterLine } from '../filter.js';
import type { ParseOptions } from '../target.js';

/** What a term asks for; several values of one condition are alternatives. */
interface Term {
  readonly lines: TextLine[];
  readonly conditions: Map<string, string[]>;
  action: boolean | null;
}

/**
 * A firewall filter of family `ethernet-switching`, as `show configuration | display set` prints it; other lines are passed over.
 * Where the text has several filters, `lists` says which is meant. What no term takes is discarded.
 *
 * Modelled: `ether-type`, `ip-destination-address`, `ip-source-address` and their `ip6-` forms, `ip-protocol` and `next-header` by
 * number, ports, `icmp-type` by number, `tcp-established`; the same behind `ip-version ipv6`. Terms about ARP say nothing of IP.
 * Refused: `interface`, VLANs, MAC addresses, names in place of numbers, `except`, and every other action.
 */
export function parse(text: string, options: ParseOptions = {}): Result<Filter> {
  return readText('text', () => {
    const filters = readFilters(linesOf(text));
    const wanted = [...filters].filter(([name]) => !options.lists || options.lists.includes(name));
    const [first, second] = wanted;
    if (!first)
      throw new NotUnderstood(
        null,
        'there is no filter of family ethernet-switching',
        'give the output of `show configuration firewall | display set`',
      );
    if (second) throw new NotUnderstood(null, 'there are several filters', 'name one with --list');
    const lines = [...first[1].values()].flatMap(readTerm);
    return [...lines, { permits: false, matches: [everything], at: null, text: 'the end of a filter discards' }];
  });
}

function readFilters(lines: readonly TextLine[]): ReadonlyMap<string, Map<string, Term>> {
  const filters = new Map<string, Map<string, Term>>();
  for (const line of lines) {
    const words = new LineWords(line);
    if (!['set', 'firewall', 'family', 'ethernet-switching', 'filter'].every((word) => words.accept(word))) {
      if (line.text.includes('family ethernet-switching filter') && line.text.trim().startsWith('deactivate'))
        throw words.fault('takes a part of a filter out of force');
      continue;
    }
    const name = words.take();
    words.expect('term');
    const terms = filters.get(name) ?? new Map<string, Term>();
    filters.set(name, terms);
    const title = words.take();
    const term = terms.get(title) ?? { lines: [], conditions: new Map<string, string[]>(), action: null };
    terms.set(title, term);
    term.lines.push(line);
    readPart(term, words);
  }
  return filters;
}

function readPart(term: Term, words: LineWords): void {
  if (words.accept('then')) {
    const action = words.take();
    if (action !== 'accept' && action !== 'discard') throw words.fault(`has \`${action}\`, which is not modelled`);
    if (term.action !== null) throw words.fault('is a second action of its term');
    term.action = action === 'accept';
    words.end();
    return;
  }
  words.expect('from');
  if (words.accept('ip-version')) {
    const version = words.take();
    if (version !== 'ipv4' && version !== 'ipv6') throw words.fault(`has \`${version}\` for a version`);
    add(term, 'ether-type', version);
  }
  const condition = words.take();
  add(term, condition, condition === 'tcp-established' ? '' : words.take());
  words.end();
}

function add({ conditions }: Term, name: string, value: string): void {
  const known = conditions.get(name) ?? [];
  if (!known.includes(value)) conditions.set(name, [...known, value]);
}

function readTerm({ lines, conditions, action }: Term): FilterLine[] {
  const [line] = lines;
  const words = new LineWords(line!);
  if (action === null) throw words.fault('is of a term without an action');
  const left = new Map(conditions);
  const take = (name: string): string[] => {
    const values = left.get(name) ?? [];
    left.delete(name);
    return values;
  };
  const types = take('ether-type');
  if (types.length > 1) throw words.fault('is of a term with several ether-types');
  if (types[0] === 'arp' && left.size === 0) return [];
  const of = { permits: action, at: line!.at, text: line!.text };
  if (types.length === 0) {
    if (left.size > 0) throw words.fault('is of a term that does not say its ether-type');
    return [{ ...of, matches: [everything] }];
  }
  const family = { ipv4: 4, ipv6: 6 }[types[0]!] as Family | undefined;
  if (family === undefined) throw words.fault(`is of a term about \`${types[0]!}\`, which is not modelled`);
  const matches = readMatches(words, family, take);
  for (const name of left.keys()) throw words.fault(`is of a term with \`${name}\`, which is not modelled here`);
  return [{ ...of, matches }];
}

function readMatches(words: LineWords, family: Family, take: (name: string) => string[]): PacketMatch[] {
  const addresses = (field: 'source' | 'destination') => {
    const ranges = take(`${family === 4 ? 'ip' : 'ip6'}-${field}-address`).map((text) => {
      const match = words.prefix(text);
      if (match.family !== family) throw words.fault(`is of a term of IPv${family} with \`${text}\``);
      return match.range;
    });
    return ranges.sort((a, b) => (a.first < b.first ? -1 : 1));
  };
  const [source, destination] = [addresses('source'), addresses('destination')];
  const numbers = take(family === 4 ? 'ip-protocol' : 'next-header').map((text) => words.number(text, 255));
  const sourcePorts = take('source-port').map((text) => readRange(words, text));
  const ports = take('destination-port').map((text) => readRange(words, text));
  const types = take('icmp-type').map((text) => words.number(text, 255));
  const established = take('tcp-established').length > 0;
  const isOf = (test: (protocol: number) => boolean): boolean => numbers.length > 0 && numbers.every(test);
  if (ports.length + sourcePorts.length > 0 && !isOf(hasPorts))
    throw words.fault('is of a term with ports, and of a protocol without');
  if (types.length > 0 && !isOf((protocol) => protocol === (family === 4 ? protocols.icmp : protocols.icmp6)))
    throw words.fault('is of a term with an ICMP type, and of another protocol');
  if (established && !isOf((protocol) => protocol === protocols.tcp))
    throw words.fault('is of a term with `tcp-established`, and not of TCP alone');
  const keys = types.length > 0 ? types.map((type) => ({ first: type, last: type })) : ports;
  const within = keys.length > 0 ? keys : [{ first: 0, last: 0xffff }];
  const services = numbers.flatMap((protocol) =>
    within.map(({ first, last }) => ({ first: serviceKey(protocol, first), last: serviceKey(protocol, last) })),
  );
  const common = {
    family,
    ...(source.length > 0 && { source }),
    ...(destination.length > 0 && { destination }),
    ...(established && { established }),
  };
  const alternatives = services.length > 0 ? services.map((one) => ({ services: [one] })) : [{}];
  const from = sourcePorts.length > 0 ? sourcePorts.map((range) => ({ sourcePorts: [range] })) : [{}];
  return alternatives.flatMap((service) => from.map((port) => ({ ...common, ...service, ...port })));
}

function readRange(words: LineWords, text: string): Interval<number> {
  const [first = '', last = first, ...more] = text.split('-');
  const range = { first: words.number(first, 0xffff), last: words.number(last, 0xffff) };
  if (more.length > 0 || range.first > range.last) throw words.fault(`has \`${text}\` for ports`);
  return range;
}
