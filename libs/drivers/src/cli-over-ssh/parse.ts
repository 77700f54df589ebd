import { canonicalJson, compareText, sha256 } from '#base';
import { entriesOfAce, LineWords, NotUnderstood, type AclEntry, type Family } from '#net';
import { TerminalFault } from '../driver.js';
import { isOurs } from '../lists.js';
import type { Make } from './make.js';
import { fingerprint, keyText, type DeviceList, type ListedEntry, type ListKey, type ObservedLists } from './model.js';

interface Draft extends ListKey {
  readonly entries: Map<number, ListedEntry>;
  readonly notes: string[];
}

/**
 * Plays a text, line by line, as the switch would take it: a listing, a whole artefact, or the commands of a plan, which begin with
 * what is there. Lists of others are not looked at. Shares nothing with `render`.
 */
export function parse(make: Make, text: string): ObservedLists {
  const lists = new Map<string, Draft>();
  let current: Draft | null = null;
  for (const line of text.split(/\r?\n/)) {
    const words = line.trim();
    if (words.startsWith('!')) takeNote(make, lists, words);
    else if (words !== '' && /^\s/.test(line)) {
      if (current) playLine(make, current, words);
    } else if (words !== '') current = playHead(make, lists, words);
  }
  return observe(make, lists);
}

/** Null: what follows belongs to no list of ours. */
function playHead(make: Make, lists: Map<string, Draft>, line: string): Draft | null {
  const isRemoved = line.startsWith('no ');
  const key = make.readHead(isRemoved ? line.slice(3) : line);
  if (!key || !isOurs(key.name)) return null;
  if (isRemoved) {
    if (!lists.delete(keyText(key))) throw new TerminalFault(`\`${line}\`: there is no such list`);
    return null;
  }
  const draft = lists.get(keyText(key)) ?? { ...key, entries: new Map(), notes: [] };
  lists.set(keyText(key), draft);
  return draft;
}

function playLine(make: Make, list: Draft, line: string): void {
  const gone = /^no (?:sequence )?(\d+)$/.exec(line)?.[1];
  if (gone !== undefined) {
    if (!list.entries.delete(Number(gone))) throw new TerminalFault(`\`${line}\`: there is no such entry`);
    return;
  }
  const plain = line.replace(/\s*\(\d+ match(?:es)?\)/, '');
  const before = /^(?:sequence )?(\d+) (.*)$/.exec(plain);
  const after = /^(.*) sequence (\d+)$/.exec(plain);
  const [number, text] = before ? [before[1], before[2]!] : [after?.[2], after?.[1] ?? plain];
  if (/^(?:remark|comment)(?: |$)/.test(text) || text === 'exit') return;
  if (number === undefined) list.notes.push(line);
  else if (list.entries.has(Number(number))) throw new TerminalFault(`\`${line}\`: this number is taken`);
  else
    list.entries.set(Number(number), {
      number: Number(number),
      text: squeeze(text),
      means: read(make, text, list.family),
    });
}

/** IOS writes `deny   ip`. */
const squeeze = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

function read(make: Make, text: string, family: Family): readonly AclEntry[] | null {
  try {
    return entriesOfAce(make.readAce(new LineWords({ at: 1, text }), family));
  } catch (fault) {
    if (fault instanceof NotUnderstood) return null;
    throw fault;
  }
}

function takeNote(make: Make, lists: ReadonlyMap<string, Draft>, line: string): void {
  const key = make.readNote(line);
  if (key) lists.get(keyText(key))?.notes.push(line);
}

function observe(make: Make, drafts: ReadonlyMap<string, Draft>): ObservedLists {
  const lists = new Map<string, DeviceList>();
  for (const [key, { entries, ...rest }] of [...drafts].sort(([a], [b]) => compareText(a, b)))
    lists.set(key, { ...rest, entries: [...entries.values()].sort((a, b) => a.number - b.number) });
  return {
    rulesFingerprint: sha256(canonicalJson([...lists].map(([key, list]) => [key, fingerprint(list)]))),
    membership: new Map(),
    ports: new Map(),
    ruleIds: new Set([...lists.values()].map((list) => make.policyName(list))),
    lists,
  };
}
