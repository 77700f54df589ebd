import { isAlias, isMap, isScalar, isSeq, parse, Scalar, type Document } from 'yaml';
import { Report } from '../codes.js';
import type { CatalogKind } from '../load/catalog.js';
import { readRuleLines, type LineType } from '../load/rule-lines.js';
import { sortFiles, type SortedFiles } from '../load/sort-files.js';
import { parseYaml } from '../load/yaml-file.js';

/** Whose names don't meet those of others. Classes, endpoints and endpoint groups share one. */
export const nameSpaces = ['principal', 'application', 'segment', 'site', 'schedule'] as const;
export type NameSpace = (typeof nameSpaces)[number];

/** Where a name stands in a file. */
export interface NamePlace {
  readonly file: string;
  readonly space: NameSpace;
  readonly name: string;
  /** Characters of the file's text. */
  readonly start: number;
  readonly end: number;
  /** A catalog entry or a membership: by these a name is one. */
  readonly isDeclaration: boolean;
  /** What stands there when the name is another. */
  rewritten(name: string): string;
}

/** What names the columns behind the type of a line hold. */
const lineSpaces: Readonly<Record<LineType, readonly (NameSpace | null)[]>> = {
  p: ['principal', 'principal', 'application', null, 'schedule'],
  p2: ['principal', 'site', null, 'segment', 'schedule'],
  g: ['principal', 'principal'],
  g2: ['application', 'application'],
  g3: ['site', 'site'],
};

export const spaceOfCatalog: Readonly<Record<CatalogKind, NameSpace>> = {
  classes: 'principal',
  endpoints: 'principal',
  applications: 'application',
  segments: 'segment',
  sites: 'site',
  schedules: 'schedule',
};

/** Steps of a path: a field, `*` (each value of a map or a list), `@` (each key of a map: must be the last one). */
type PlaceRule = readonly [path: string, space: NameSpace];

const ends: readonly PlaceRule[] = ['never', 'always', 'only'].flatMap((claim): PlaceRule[] => {
  const at = `invariants.*.${claim}`;
  return [
    ...['from', 'to', 'class', 'except.from', 'except.to'].map((field): PlaceRule => [`${at}.${field}`, 'principal']),
    ...['app', 'except.app'].map((field): PlaceRule => [`${at}.${field}`, 'application']),
    ...['site', 'sites'].map((field): PlaceRule => [`${at}.${field}`, 'site']),
    [`${at}.segment`, 'segment'],
  ];
});

const yamlRules: Readonly<
  Record<Exclude<keyof SortedFiles, 'rules' | 'audit' | 'catalog'> | CatalogKind, readonly PlaceRule[]>
> = {
  classes: [['@', 'principal']],
  endpoints: [['@', 'principal']],
  applications: [['@', 'application']],
  segments: [
    ['@', 'segment'],
    ['*.dedicatedTo', 'principal'],
    ['*.role', 'principal'],
    ['*.sites.@', 'site'],
  ],
  sites: [['@', 'site']],
  schedules: [['@', 'schedule']],
  nas: [
    ['*.site', 'site'],
    ['*.ssidSites.*', 'site'],
  ],
  proxies: [],
  enforcementPoints: [['*.site', 'site']],
  eap: [],
  radsec: [],
  rollout: [
    ['stages.*.sites', 'site'],
    ['classes.@', 'principal'],
    ['classes.*.breakGlass', 'principal'],
    ['classes.*.window', 'schedule'],
  ],
  suspicions: [['classes.@', 'principal']],
  serverDown: [
    ['sites.@', 'site'],
    ...['sites', 'nas'].flatMap((at): PlaceRule[] => [
      [`${at}.*.segment`, 'segment'],
      [`${at}.*.voice`, 'segment'],
    ]),
  ],
  tests: [
    ['tests.*.from', 'principal'],
    ['tests.*.to', 'principal'],
    ['tests.*.app', 'application'],
    ['tests.*.class', 'principal'],
    ['tests.*.site', 'site'],
    ...ends,
  ],
  settings: [],
};

/** Every place of every name, in files that load. Names in comments, notes and descriptions are none. */
export function namePlaces(files: ReadonlyMap<string, string>): NamePlace[] {
  const sorted = sortFiles(files, new Report());
  const { rules, audit, catalog, ...others } = sorted;
  const places = [...rules.keys(), ...audit.keys()].flatMap((file) => placesInLines(file, files.get(file)!));
  for (const [file, { kind }] of catalog) places.push(...placesInYaml(file, files.get(file)!, yamlRules[kind]));
  for (const [kind, some] of Object.entries(others))
    for (const file of some.keys())
      places.push(...placesInYaml(file, files.get(file)!, yamlRules[kind as keyof typeof others]));
  const declared = new Set(places.filter(({ isDeclaration }) => isDeclaration).map(keyOf));
  // The others are addresses and ports of tests, conditions, and words such as `any`.
  const names = places.filter((place) => declared.has(keyOf(place)));
  return [...names, ...placesInSettings(sorted.settings, files, names)];
}

const keyOf = ({ space, name }: NamePlace): string => `${space} ${name}`;

function placesInLines(file: string, text: string): NamePlace[] {
  const starts = lineStarts(text);
  return readRuleLines(file, text.replace(/^\uFEFF/, ' '), new Report()).flatMap((line) =>
    lineSpaces[line.type].flatMap((space, i) => {
      if (!space) return [];
      const column = line.content.starts[i + 1]!;
      const start = starts[line.line - 1]! + column;
      const isQuoted = line.raw[column] === '"';
      const end = isQuoted
        ? starts[line.line - 1]! + line.raw.indexOf('"', column + 1) + 1
        : start + line.words[i]!.length;
      const rewritten = (name: string): string => (isQuoted ? `"${name}"` : name);
      const isDeclaration = line.type.startsWith('g');
      return [{ file, space, name: line.words[i]!, start, end, isDeclaration, rewritten }];
    }),
  );
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function placesInYaml(file: string, text: string, rules: readonly PlaceRule[]): NamePlace[] {
  const document = parseYaml(text.replace(/^\uFEFF/, ' '));
  const found = rules.flatMap(([path, space]) =>
    scalarsAt(document, document.contents, path.split('.')).map((scalar) => ({
      ...placeOf(file, space, scalar),
      isDeclaration: path === '@',
    })),
  );
  if (!file.startsWith('tests/')) return found;
  // A flow test expects allow or deny, an access test a segment.
  const tests = isMap(document.contents) ? document.contents.get('tests', true) : null;
  const ofAccess = isSeq(tests) ? tests.items.filter((item) => isMap(item) && item.has('class')) : [];
  const segments = ofAccess.flatMap((item) => scalarsAt(document, item, ['expect']));
  return [...found, ...segments.map((scalar) => placeOf(file, 'segment', scalar))];
}

type TextScalar = Scalar<string> & { readonly range: [number, number, number] };

/** An alias leads to the one place where its name stands. */
function scalarsAt(document: Document, at: unknown, path: readonly string[]): TextScalar[] {
  const node = isAlias(at) ? at.resolve(document) : at;
  const [step, ...rest] = path;
  if (step === undefined) {
    if (isSeq(node)) return node.items.flatMap((item) => scalarsAt(document, item, []));
    return isScalar(node) && typeof node.value === 'string' && node.range ? [node as TextScalar] : [];
  }
  if (step === '@') return isMap(node) ? node.items.flatMap(({ key }) => scalarsAt(document, key, [])) : [];
  if (step !== '*') return isMap(node) ? scalarsAt(document, node.get(step, true), rest) : [];
  if (isMap(node)) return node.items.flatMap(({ value }) => scalarsAt(document, value, rest));
  return isSeq(node) ? node.items.flatMap((item) => scalarsAt(document, item, rest)) : [];
}

function placeOf(file: string, space: NameSpace, scalar: TextScalar): NamePlace {
  const [start, end] = scalar.range;
  const rewritten = (name: string): string => writeScalar(name, scalar.type);
  return { file, space, name: scalar.value, start, end, isDeclaration: false, rewritten };
}

/** Quoted as before, or where the text would be read as something else. */
function writeScalar(text: string, type: string | undefined): string {
  if (type === Scalar.QUOTE_SINGLE) return `'${text.replaceAll("'", "''")}'`;
  const isPlain = type !== Scalar.QUOTE_DOUBLE && parse(text) === text;
  return isPlain ? text : JSON.stringify(text);
}

/**
 * The ignores of cordon.yaml: the columns of their rules, and their names, which don't say of what they are. One that may
 * be of several is taken for what its finding is about, or left alone.
 */
function placesInSettings(
  settings: SortedFiles['settings'],
  files: ReadonlyMap<string, string>,
  known: readonly NamePlace[],
): NamePlace[] {
  const spaces = Map.groupBy(known, ({ name }) => name);
  return [...settings.keys()].flatMap((file) => {
    const document = parseYaml(files.get(file)!.replace(/^\uFEFF/, ' '));
    const ignores = document.getIn(['check', 'ignore'], true);
    return (isSeq(ignores) ? ignores.items : []).flatMap((ignore) => {
      const rules = scalarsAt(document, ignore, ['rule']).flatMap((scalar) => placesInIgnoredRule(file, scalar));
      const isOfClass = isMap(ignore) && ignore.get('code') === 'server-down-flows';
      const names = scalarsAt(document, ignore, ['name']).flatMap((scalar) => {
        const possible = [...new Set(spaces.get(scalar.value)?.map(({ space }) => space))];
        const space = isOfClass ? 'principal' : possible.length === 1 ? possible[0]! : null;
        return space ? [placeOf(file, space, scalar)] : [];
      });
      return [...rules, ...names];
    });
  });
}

/** The places of one rule are one text: the names that are asked about are put into it together. */
function placesInIgnoredRule(file: string, scalar: TextScalar): NamePlace[] {
  const [start, end] = scalar.range;
  const columns = scalar.value.split(',');
  const type = columns[0]!.trim();
  if (type !== 'p' && type !== 'p2') return [];
  const spaces = [null, ...lineSpaces[type]];
  const pairs = columns.flatMap((column, i) => (spaces[i] ? [{ space: spaces[i], name: column.trim() }] : []));
  const distinct = pairs.filter(
    (pair, i) => pairs.findIndex((p) => p.space === pair.space && p.name === pair.name) === i,
  );
  return distinct.map(({ space, name }) => ({
    file,
    space,
    name,
    start,
    end,
    isDeclaration: false,
    rewritten: (to) => {
      const written = columns.map((column, i) =>
        spaces[i] === space && column.trim() === name ? column.replace(name, to) : column,
      );
      return writeScalar(written.join(','), scalar.type);
    },
  }));
}
