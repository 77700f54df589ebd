import { failure, success, type Result } from '#base';
import { Document, isCollection, isMap, isPair, isScalar, Scalar, visit } from 'yaml';
import { Report } from '../codes.js';
import { writeRuleLine } from '../format/rule-file.js';
import { formatYamlFile } from '../format/yaml-text.js';
import type { CatalogKind } from '../load/catalog.js';
import { loadPolicy } from '../load/load.js';
import { readRuleLines, type LineType, type RawLine } from '../load/rule-lines.js';
import { sortFiles } from '../load/sort-files.js';
import { keepForm } from './keep-form.js';
import { namePlaces, spaceOfCatalog } from './name-places.js';

/** An entry of the catalog. Fields without value are left out. */
export interface NewEntry {
  readonly kind: CatalogKind;
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A rule line: its columns behind the type. */
export interface NewLine {
  readonly type: LineType;
  readonly words: readonly string[];
}

export interface Addition {
  readonly entries: readonly NewEntry[];
  readonly lines: readonly NewLine[];
  /** For what does not belong beside something that is there; null: the usual one. */
  readonly file: string | null;
}

/**
 * Puts entries and lines where their like stands: the files that change, path → text. What exists already, or would leave
 * a policy that does not load, is refused with the loader's words.
 */
export function addToPolicy(
  files: ReadonlyMap<string, string>,
  addition: Addition,
): Result<ReadonlyMap<string, string>> {
  const refused = refuse(files, addition);
  if (refused.hasErrors) return failure(refused.diagnostics);
  const after = new Map(files);
  for (const entry of addition.entries) addEntry(after, entry, addition.file);
  // A file that is named is meant for the entry, if there is one.
  const file = addition.entries.length > 0 ? null : addition.file;
  for (const line of addition.lines) addLine(after, line, file);
  const loaded = loadPolicy(after);
  if (!loaded.ok) return failure(loaded.diagnostics);
  return success(new Map([...after].filter(([path, text]) => files.get(path) !== text)), loaded.diagnostics);
}

/** What would leave nothing but errors that follow from it: told alone. */
function refuse(files: ReadonlyMap<string, string>, { entries, lines }: Addition): Report {
  const report = new Report();
  const before = loadPolicy(files);
  if (!before.ok) report.addAll(before.diagnostics.filter(({ code }) => code !== 'empty-policy'));
  if (report.hasErrors) return report;
  const places = namePlaces(files).filter(({ file }) => file.startsWith('catalog/'));
  for (const { kind, name } of entries) {
    const space = spaceOfCatalog[kind];
    const other = places.find((place) => place.space === space && place.name === name && place.isDeclaration);
    if (!other) continue;
    const line = files.get(other.file)!.slice(0, other.start).split('\n').length;
    const span = { file: other.file, line, column: 1 };
    report.add('duplicate-name', span, `\`${name}\` is declared already`, 'change that entry, or choose another name');
  }
  for (const word of lines.flatMap(({ words }) => words))
    if (/[\r\n]/.test(word)) report.add('csv-syntax', null, 'a column has a line break', 'a rule stands on one line');
  return report;
}

function addEntry(files: Map<string, string>, entry: NewEntry, wanted: string | null): void {
  const usual = `catalog/${entry.kind}.yaml`;
  const own = [...sortFiles(files, new Report()).catalog].find(([, { kind }]) => kind === entry.kind);
  const file = wanted ?? (files.has(usual) ? usual : (own?.[0] ?? usual));
  const text = files.get(file) ?? '';
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  files.set(file, keepForm(file, text, text + gap + writeEntry(entry)));
}

/** Written on one line, but for the sites of a segment. */
function writeEntry({ kind, name, fields }: NewEntry): string {
  const document = new Document({ [name]: withoutGaps(fields) });
  const isBlock = kind === 'segments';
  visit(document, {
    Collection: (_, node, path) => {
      const depth = path.filter(isMap).length;
      node.flow = isBlock ? depth > 2 : depth > 0;
    },
    Scalar: (key, scalar, path) => {
      if (key === 'key' || typeof scalar.value !== 'string') return;
      const pair = path.at(-1);
      const isText = isPair(pair) && isScalar(pair.key) && ['description', 'source'].includes(String(pair.key.value));
      if (isText || scalar.value.includes(':')) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  if (!isCollection(document.contents)) throw new Error('an entry is a map');
  return formatYamlFile('', document.toString({ lineWidth: 0 }), new Report());
}

const withoutGaps = (fields: NewEntry['fields']): NewEntry['fields'] =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );

const usualFiles: Readonly<Record<LineType, string>> = {
  p: 'rules/flows.csv',
  p2: 'rules/access.csv',
  g: 'rules/membership.csv',
  g2: 'rules/membership.csv',
  g3: 'rules/membership.csv',
};

function addLine(files: Map<string, string>, line: NewLine, wanted: string | null): void {
  const near = wanted === null ? nearestLine(files, line) : null;
  const file = near?.file ?? wanted ?? usualFiles[line.type];
  const text = files.get(file) ?? '';
  const rows = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  rows.splice(near?.line ?? rows.length, 0, writeRuleLine(line.type, line.words));
  files.set(file, keepForm(file, text, `${rows.join('\n')}\n`));
}

/** The last line about the same: the subject of a flow, the class of an access rule, the group of a membership; or else the last one of its type. */
function nearestLine(files: ReadonlyMap<string, string>, { type, words }: NewLine): RawLine | null {
  const { rules } = sortFiles(files, new Report());
  const all = [...rules]
    .flatMap(([file, text]) => readRuleLines(file, text, new Report()))
    .filter((line) => line.type === type);
  const column = type === 'p' || type === 'p2' ? 0 : 1;
  const same = all.findLast((line) => line.words[column] === words[column]);
  const alike = type === 'p' ? all.findLast((line) => line.words[1] === words[1]) : undefined;
  return same ?? alike ?? all.findLast(({ file }) => file === usualFiles[type]) ?? all.at(-1) ?? null;
}
