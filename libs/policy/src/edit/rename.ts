import { failure, success, type Result, type SourceSpan } from '#base';
import { Report } from '../codes.js';
import { loadPolicy } from '../load/load.js';
import { nameHint, namePattern } from '../load/names.js';
import { didYouMean } from '../load/suggest.js';
import { builtIn } from '../policy.js';
import { keepForm } from './keep-form.js';
import { namePlaces, nameSpaces, type NamePlace, type NameSpace } from './name-places.js';

export interface Renaming {
  readonly space: NameSpace;
  readonly from: string;
  readonly to: string;
}

export interface RenamedPolicy {
  /** Path → text. */
  readonly changed: ReadonlyMap<string, string>;
  /** How many places of the name were rewritten. */
  readonly places: number;
  /** Devices are registered by its name, outside the policy. */
  readonly isClass: boolean;
  /** Lines that still have the name in words for people; empty where it is the name of something else too. */
  readonly mentions: readonly SourceSpan[];
}

/** In which spaces a policy has a name that can be another. */
export function spacesOf(files: ReadonlyMap<string, string>, name: string): NameSpace[] {
  if (isBuiltIn(name)) return [];
  const places = namePlaces(files).filter((place) => place.name === name);
  return nameSpaces.filter((space) => places.some((place) => place.space === space));
}

/**
 * Gives what has a name another one, wherever the policy names it. The policy must load, before and after: a name that was
 * missed would be unknown then. What the rules do stays the same.
 */
export function renameInPolicy(
  files: ReadonlyMap<string, string>,
  { space, from, to }: Renaming,
): Result<RenamedPolicy> {
  const before = loadPolicy(files);
  if (!before.ok) return failure(before.diagnostics);
  const places = namePlaces(files).filter((place) => place.space === space);
  const refused = refuse(places, { space, from, to });
  if (refused) return failure(refused.diagnostics);
  const own = places.filter(({ name }) => name === from);
  const changed = new Map(
    [...Map.groupBy(own, ({ file }) => file)].map(([file, some]) => {
      const text = files.get(file)!;
      return [file, keepForm(file, text, rewrite(text, some, to))];
    }),
  );
  const after = new Map([...files, ...changed]);
  const loaded = loadPolicy(after);
  if (!loaded.ok) return failure(loaded.diagnostics);
  const isClass = space === 'principal' && before.value.classes.has(from);
  const isElsewhere = namePlaces(after).some(({ name }) => name === from);
  return success(
    { changed, places: own.length, isClass, mentions: isElsewhere ? [] : mentionsOf(after, from) },
    loaded.diagnostics,
  );
}

const isBuiltIn = (name: string): boolean => Object.values<string>(builtIn).includes(name);

function refuse(places: readonly NamePlace[], { from, to }: Renaming): Report | null {
  const report = new Report();
  const names = new Set(places.map(({ name }) => name));
  const taken = places.find(({ name }) => name === to);
  if (isBuiltIn(from)) report.add('unknown-name', null, `\`${from}\` is built in`, 'it keeps its name');
  else if (!names.has(from))
    report.add(
      'unknown-name',
      null,
      `\`${from}\` is not declared`,
      didYouMean(from, names, 'see catalog/ for the names'),
    );
  if (!namePattern.test(to)) report.add('bad-name', null, `\`${to}\` is not a name`, nameHint);
  else if (isBuiltIn(to)) report.add('duplicate-name', null, `\`${to}\` is built in`, 'choose another name');
  else if (taken)
    report.add('duplicate-name', null, `\`${to}\` stands in ${taken.file} already`, 'choose another name');
  return report.hasErrors ? report : null;
}

/** From the end, so that places before keep theirs. Aliases lead to one place several times. */
function rewrite(text: string, places: readonly NamePlace[], to: string): string {
  const inOrder = [...new Map(places.map((place) => [place.start, place])).values()].sort((a, b) => b.start - a.start);
  return inOrder.reduce((now, place) => now.slice(0, place.start) + place.rewritten(to) + now.slice(place.end), text);
}

function mentionsOf(files: ReadonlyMap<string, string>, name: string): SourceSpan[] {
  const whole = new RegExp(`(?<![a-z0-9-])${name}(?![a-z0-9-])`, 'i');
  const texts = [...files].filter(([file]) => /\.(csv|ya?ml)$/.test(file)).sort(([a], [b]) => (a < b ? -1 : 1));
  return texts.flatMap(([file, text]) =>
    text.split('\n').flatMap((line, i) => {
      const column = line.search(whole);
      return column < 0 ? [] : [{ file, line: i + 1, column: column + 1 }];
    }),
  );
}
