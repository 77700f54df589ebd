import type { Result } from '#base';
import {
  linesOf,
  LineWords,
  matchOfAce,
  NotUnderstood,
  parseArubaCxAce,
  readText,
  type Family,
  type PacketMatch,
  type TextLine,
} from '#net';
import { everything, type Filter, type FilterLine } from '../filter.js';
import type { ParseOptions } from '../target.js';

interface NumberedLine {
  readonly line: TextLine;
  readonly rest: string;
}

/** A `class ip NAME`, a `class ipv6 NAME` or a `port-access policy NAME`. */
interface Section {
  readonly head: TextLine;
  readonly entries: Map<number, NumberedLine>;
}

type Sections = ReadonlyMap<string, Section>;

/**
 * A port-access policy of AOS-CX and the classes that it names; everything else in the configuration is passed over. Which role
 * has the policy is not looked at. Where the text has several, `lists` says which is meant.
 *
 * Modelled of classes: `match`, protocols by name or number, `any`, addresses with length or mask, `eq`, `gt`, `lt`, `range`,
 * `established`, `icmp-type`, `count`, comments. Of policies: no action (pass) and `action drop`.
 * Refused: `ignore`, names of ports, ICMP codes, single TCP flags, `fragment`, `vlan`, `dscp` and the like, other actions.
 */
export function parse(text: string, options: ParseOptions = {}): Result<Filter> {
  return readText('text', () => {
    const sections = readSections(linesOf(text));
    const policies = [...sections].filter(([key]) => key.startsWith(policyHead));
    const wanted = policies.filter(([key]) => !options.lists || options.lists.includes(key.slice(policyHead.length)));
    const [first, second] = wanted;
    if (!first)
      throw new NotUnderstood(null, 'there is no port-access policy', 'policies begin with `port-access policy NAME`');
    if (second) throw new NotUnderstood(null, 'there are several port-access policies', 'name one with --list');
    return [...inOrder(first[1]).flatMap((entry) => readEntry(entry, sections)), undocumented];
  });
}

const policyHead = 'port-access policy ';
/** No document says what a policy does with a packet that none of its classes takes: it counts as passed. */
const undocumented: FilterLine = { permits: true, matches: [everything], at: null, text: 'no class takes it' };

function readSections(lines: readonly TextLine[]): Sections {
  const sections = new Map<string, Section>();
  let section: Section | null = null;
  for (const line of lines) {
    const text = line.text.trim();
    if (text === '' || text === '!' || text === 'exit') continue;
    if (!/^\s/.test(line.text)) {
      section = /^(class (ip|ipv6)|port-access policy) \S+$/.test(text)
        ? (sections.get(text) ?? { head: line, entries: new Map() })
        : null;
      if (section) sections.set(text, section);
      else if (/^(\d+ )?(match|ignore) /.test(text))
        throw new LineWords(line).fault('belongs to no class', 'begin with `class ip NAME` or `class ipv6 NAME`');
    } else if (section) addEntry(section, line);
  }
  return sections;
}

/** A line without a number goes ten behind the last. */
function addEntry({ entries }: Section, line: TextLine): void {
  const [, digits, rest = ''] = /^(?:(\d+) )?(.*)$/.exec(line.text.trim())!;
  if (rest === 'comment' || rest.startsWith('comment ')) return;
  const last = Math.max(0, ...entries.keys());
  const number = digits === undefined ? last + 10 : new LineWords(line).number(digits, 0xffff_ffff);
  if (entries.has(number)) throw new LineWords(line).fault(`has the number ${number}, which is taken`);
  entries.set(number, { line, rest });
}

const inOrder = ({ entries }: Section): NumberedLine[] =>
  [...entries].sort(([a], [b]) => a - b).map(([, entry]) => entry);

/** What a policy does with one class. */
function readEntry({ line, rest }: NumberedLine, sections: Sections): FilterLine[] {
  const words = new LineWords(line, rest);
  words.expect('class');
  const kind = words.take();
  if (kind !== 'ip' && kind !== 'ipv6') throw words.fault(`names a class of \`${kind}\`, which is not modelled`);
  const name = words.take();
  const permits = !words.accept('action');
  if (!permits) words.expect('drop');
  words.end();
  const traffic = sections.get(`class ${kind} ${name}`);
  if (!traffic) throw words.fault(`names a class that is not there`, 'give its `class` section as well');
  if (traffic.entries.size === 0) throw new LineWords(traffic.head).fault('has no line');
  return inOrder(traffic).map((one) => ({
    permits,
    matches: [readMatch(one, kind === 'ip' ? 4 : 6)],
    at: one.line.at,
    text: one.line.text,
  }));
}

function readMatch({ line, rest }: NumberedLine, family: Family): PacketMatch {
  const words = new LineWords(line, rest);
  if (words.peek() === 'ignore') throw words.fault('leaves a packet to the next class, which is not modelled');
  words.expect('match');
  return matchOfAce(parseArubaCxAce(words, family, true));
}
