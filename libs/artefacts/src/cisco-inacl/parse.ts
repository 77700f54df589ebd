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
import { implicitLines, unfiltered } from '../cisco-acl/implicit.js';
import type { Filter, FilterLine } from '../filter.js';

/**
 * `ip:inacl#10=permit tcp any host 10.10.4.20 eq 443`, bare or as `Cisco-AVPair += "…"`. The switch orders by number; two of one
 * number would overwrite each other and are refused. AVPairs about other things say nothing about packets and are passed over.
 */
export function parse(text: string): Result<Filter> {
  return readText('text', () => {
    const lists = { 4: new Map<number, FilterLine>(), 6: new Map<number, FilterLine>() };
    for (const line of linesOf(text)) {
      const pair = pairOf(line);
      if (pair !== null) readPair({ at: line.at, text: pair }, lists);
    }
    if (lists[4].size + lists[6].size === 0)
      throw new NotUnderstood(null, 'there is no `ip:inacl#` and no `ipv6:inacl#`', 'give the AVPairs of one reply');
    return ([4, 6] as const).flatMap((family) => closed(lists[family], family));
  });
}

function closed(list: ReadonlyMap<number, FilterLine>, family: Family): Filter {
  if (list.size === 0) return [unfiltered(family, `no ${family === 4 ? 'ip' : 'ipv6'}:inacl`)];
  const inOrder = [...list].sort(([a], [b]) => a - b).map(([, line]) => line);
  return [...inOrder, ...implicitLines(family)];
}

function pairOf(line: TextLine): string | null {
  const text = line.text.trim();
  if (text === '' || text.startsWith('#')) return null;
  const quoted = /^Cisco-AVPair\s*(?:\+=|:=|=)\s*"([^"\\]*)",?$/i.exec(text);
  if (quoted) return quoted[1]!;
  if (!/^[a-z0-9-]+:/.test(text)) throw new LineWords(line).fault('is no AVPair');
  return text;
}

function readPair(line: TextLine, lists: Readonly<Record<Family, Map<number, FilterLine>>>): void {
  const match = /^(ip|ipv6):inacl(?:#(\d{1,9}))?=(.*)$/.exec(line.text);
  if (!match) {
    if (/^ip(v6)?:/.test(line.text)) throw new LineWords(line).fault('is no entry of an inbound list');
    return;
  }
  const [, kind, digits, ace = ''] = match;
  if (digits === undefined) throw new LineWords(line).fault('has no entry number');
  const list = lists[kind === 'ip' ? 4 : 6];
  if (list.has(Number(digits))) throw new LineWords(line).fault('has a number that is taken');
  const read = parseCiscoAce(new LineWords(line, ace), kind === 'ip' ? 4 : 6);
  list.set(Number(digits), { permits: read.permits, matches: [matchOfAce(read)], at: line.at, text: line.text });
}
