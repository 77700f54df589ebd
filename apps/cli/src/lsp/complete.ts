import { assertNever, compareText } from '#base';
import { postures } from '#model';
import type { NameSpace } from '#policy';
import { describeName } from './describe.js';
import type { NamePlace, PolicyFolder } from './policy-folder.js';
import { itemKinds, type CompletionItem, type Position } from './protocol.js';

/** What may stand at a place: names, or words. */
type Wanted = NameSpace | 'class' | 'effect' | 'posture' | 'when' | 'expectation' | 'type';

/** Columns behind the type of a line. */
const columns: Readonly<Record<string, readonly (Wanted | null)[]>> = {
  p: ['principal', 'principal', 'application', 'effect', 'when', null],
  p2: ['class', 'site', 'posture', 'segment', 'when', null],
  g: ['principal', 'principal'],
  g2: ['application', 'application'],
  g3: ['site', 'site'],
};

/** Fields of YAML files whose values are names. */
const fields: Readonly<Record<string, Wanted>> = {
  from: 'principal',
  to: 'principal',
  class: 'class',
  app: 'application',
  site: 'site',
  sites: 'site',
  segment: 'segment',
  voice: 'segment',
  dedicatedTo: 'class',
  role: 'class',
  breakGlass: 'class',
  window: 'schedule',
  posture: 'posture',
  postures: 'posture',
  expect: 'expectation',
};

export function completeAt(folder: PolicyFolder, name: string, position: Position, now: Date): CompletionItem[] {
  const line = folder.document(name).line(position.line).slice(0, position.character);
  const place = name.endsWith('.csv') ? placeInRule(line) : placeInYaml(line);
  if (!place) return [];
  const range = { start: { ...position, character: place.start }, end: position };
  return wordsFor(folder, place.wanted, now).map(({ label, kind, detail, order }) => ({
    label,
    kind,
    detail,
    sortText: `${order}${label}`,
    textEdit: { range, newText: label },
  }));
}

interface Place {
  readonly wanted: Wanted;
  /** Where what is written so far begins. */
  readonly start: number;
}

/** The column that the line ends in. A note may have anything. */
function placeInRule(line: string): Place | null {
  if (/^\s*#/.test(line) || line.includes('"')) return null;
  const parts = line.split(',');
  const last = parts.at(-1)!;
  const start = line.length - last.trimStart().length;
  if (parts.length === 1) return { wanted: 'type', start };
  const wanted = columns[parts[0]!.trim()]?.[parts.length - 2];
  return wanted ? { wanted, start } : null;
}

/** Behind the last `field:` of the line, in a list too. */
function placeInYaml(line: string): Place | null {
  if (/(^|\s)#/.test(line)) return null;
  const [, field = '', value = ''] = /^.*?([A-Za-z]+):\s+((?:\[[^\]]*)?[^\s,{}[\]:]*)$/.exec(line) ?? [];
  const wanted = Object.hasOwn(fields, field) ? fields[field] : undefined;
  const written = /[^\s,[]*$/.exec(value)![0];
  return wanted ? { wanted, start: line.length - written.length } : null;
}

interface Word {
  readonly label: string;
  readonly kind: number;
  readonly detail: string;
  /** Those with a smaller one first. */
  readonly order: number;
}

const wordsOf = (kind: number, details: Readonly<Record<string, string>>): Word[] =>
  Object.entries(details).map(([label, detail], order) => ({ label, kind, detail, order }));

const types = {
  p: 'who may open connections to whom',
  p2: 'in which segment a class is placed',
  g: 'class and parent, endpoint and group',
  g2: 'application and group',
  g3: 'site and parent site',
};

const effects = { allow: 'opens, if no rule denies it', deny: 'beats every allow' };

const postureWords: Readonly<Record<string, string>> = {
  verified: 'showed a certificate',
  unverified: 'is known by its MAC address only',
  'at-risk': 'was marked by a person or a signal',
  quarantined: 'was put into quarantine',
};

/** Days that are offered for an end. */
const daysAhead = [30, 90, 365];

function wordsFor(folder: PolicyFolder, wanted: Wanted, now: Date): Word[] {
  switch (wanted) {
    case 'type':
      return wordsOf(itemKinds.keyword, types);
    case 'effect':
      return wordsOf(itemKinds.keyword, effects);
    case 'posture':
      return wordsOf(itemKinds.value, Object.fromEntries(postures.map((word) => [word, postureWords[word] ?? ''])));
    case 'when': {
      const ends = daysAhead.map((days) => [`until ${dayAfter(now, days)}`, `through that day (UTC): ${days} days`]);
      const words = { always: 'always', ...(Object.fromEntries(ends) as Record<string, string>) };
      return [...wordsOf(itemKinds.keyword, words), ...namesFor(folder, 'schedule', itemKinds.event)];
    }
    case 'expectation':
      return [
        ...wordsOf(itemKinds.keyword, { ...effects, reject: 'no access at all' }),
        ...namesFor(folder, 'segment', itemKinds.module),
      ];
    case 'class':
      return [
        ...wordsOf(itemKinds.class, { device: 'every device', unknown: 'devices that no record names' }),
        ...namesFor(folder, 'principal', itemKinds.class, isClass),
      ];
    case 'principal':
      return [
        ...wordsOf(itemKinds.class, { device: 'every device', unknown: 'devices that no record names' }),
        ...wordsOf(itemKinds.reference, { internet: 'every address outside `internal`' }),
        ...namesFor(folder, 'principal', itemKinds.reference),
      ];
    case 'application':
      return [
        ...wordsOf(itemKinds.unit, { any: 'every protocol and port' }),
        ...namesFor(folder, wanted, itemKinds.unit),
      ];
    case 'site':
      return [
        ...wordsOf(itemKinds.module, { everywhere: 'every site' }),
        ...namesFor(folder, wanted, itemKinds.module),
      ];
    case 'segment':
      return namesFor(folder, wanted, itemKinds.module);
    case 'schedule':
      return namesFor(folder, wanted, itemKinds.event);
    default:
      return assertNever(wanted);
  }
}

const isClass = ({ file }: NamePlace): boolean => file.startsWith('catalog/classes');
/** Behind words that are built in. */
const afterWords = 9;

function namesFor(
  folder: PolicyFolder,
  space: NameSpace,
  kind: number,
  isMeant: (place: NamePlace) => boolean = () => true,
): Word[] {
  const declared = folder.names.filter((place) => place.space === space && place.isDeclaration && isMeant(place));
  const labels = [...new Set(declared.map(({ name }) => name))].sort(compareText);
  return labels.map((label) => ({
    label,
    kind: declared.some((place) => place.name === label && isClass(place)) ? itemKinds.class : kind,
    detail: describeName(folder, { space, name: label })[0] ?? '',
    order: afterWords,
  }));
}

const dayAfter = (now: Date, days: number): string =>
  new Date(now.getTime() + days * 86_400_000).toISOString().slice(0, 10);
