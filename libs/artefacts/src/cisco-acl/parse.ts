import type { Result } from '#base';
import {
  type Family,
  linesOf,
  LineWords,
  matchOfAce,
  NotUnderstood,
  parseCiscoAce,
  readText,
  type TextLine,
} from '#net';
import type { Filter, FilterLine } from '../filter.js';
import type { ParseOptions } from '../target.js';
import { implicitLines, unfiltered } from './implicit.js';

interface NamedList {
  readonly name: string;
  readonly family: Family;
  readonly entries: Map<number, { readonly line: TextLine; readonly ace: string }>;
}

/**
 * Named extended lists of a running-config, one for each family. Everything else in the configuration is passed over: which
 * interface a list is bound to is not looked at. Where the text has several lists of a family, `lists` says which are meant.
 * A family without a list is not filtered.
 */
export function parse(text: string, options: ParseOptions = {}): Result<Filter> {
  return readText('text', () => {
    const found = readLists(linesOf(text));
    return ([4, 6] as const).flatMap((family) => {
      const list = choose(
        found.filter((each) => each.family === family),
        family,
        options.lists,
      );
      return list ? [...readEntries(list), ...implicitLines(family)] : [unfiltered(family, 'no list')];
    });
  });
}

function choose(lists: readonly NamedList[], family: Family, wanted: readonly string[] | undefined): NamedList | null {
  const meant = wanted ? lists.filter(({ name }) => wanted.includes(name)) : lists;
  const names = lists.map(({ name }) => `\`${name}\``).join(', ');
  if (meant.length > 1)
    throw new NotUnderstood(
      null,
      `there are several lists of IPv${family}: ${names}`,
      'name one of each family with --list',
    );
  return meant[0] ?? null;
}

const sectionHead = /^(ip access-list extended|ipv6 access-list) (\S+)$/;
const entryHead = /^(\d+ |sequence \d+ )?(permit|deny) /;

function readLists(lines: readonly TextLine[]): NamedList[] {
  const lists = new Map<string, NamedList>();
  // Sections begin with a line that is not indented: a list, something else, or none after a `!`.
  let section: NamedList | 'foreign' | null = null;
  for (const line of lines) {
    const text = line.text.trim();
    const isIndented = /^\s/.test(line.text);
    const head = sectionHead.exec(text);
    if (head) section = openList(lists, head[2]!, head[1]!.startsWith('ipv6') ? 6 : 4);
    else if (isIndented && section !== null) {
      if (section !== 'foreign') addEntry(section, line);
    } else if (entryHead.test(text))
      throw new LineWords(line).fault(
        'is an entry that belongs to no list',
        'begin with `ip access-list extended NAME`',
      );
    else if (text !== '') section = text === '!' ? null : 'foreign';
  }
  if (lists.size === 0)
    throw new NotUnderstood(
      null,
      'there is no named access list',
      'lists begin with `ip access-list extended NAME` or `ipv6 access-list NAME`; numbered and standard lists are not read',
    );
  return [...lists.values()];
}

/** The same head again continues the list. */
function openList(lists: Map<string, NamedList>, name: string, family: Family): NamedList {
  const list = lists.get(`${family} ${name}`) ?? { name, family, entries: new Map() };
  lists.set(`${family} ${name}`, list);
  return list;
}

/** An entry without a number goes ten behind the last, as IOS XE would number it. */
function addEntry({ entries }: NamedList, line: TextLine): void {
  const text = line.text.trim();
  if (text === '' || /^(\d+ |sequence \d+ )?remark( |$)/.test(text) || text === '!' || text === 'exit') return;
  const before = /^(?:sequence )?(\d+) (.*)$/.exec(text);
  const after = /^(.*) sequence (\d+)$/.exec(text);
  const [digits, ace] = before ? [before[1], before[2]] : after ? [after[2], after[1]] : [undefined, text];
  const last = Math.max(0, ...entries.keys());
  const number = digits === undefined ? last + 10 : new LineWords(line).number(digits, 0xffff_ffff);
  if (entries.has(number)) throw new LineWords(line).fault(`has the number ${number}, which is taken`);
  entries.set(number, { line, ace: ace! });
}

function readEntries({ entries, family }: NamedList): FilterLine[] {
  return [...entries]
    .sort(([a], [b]) => a - b)
    .map(([, { line, ace }]) => {
      const read = parseCiscoAce(new LineWords(line, ace), family);
      return { permits: read.permits, matches: [matchOfAce(read)], at: line.at, text: line.text };
    });
}
