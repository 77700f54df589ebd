import { renameInPolicy, spacesOf, type NameSpace } from '#policy';
import { bold, countOf, green, print, printJson } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { writePolicyFiles } from '../policy-writer.js';
import { diffText } from '../text-diff.js';
import { orThrow } from './policy.js';

export interface MvOptions {
  readonly policy: string;
  readonly kind?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Words of operators: what `--kind` takes. */
const kinds: Readonly<Record<string, NameSpace>> = {
  class: 'principal',
  endpoint: 'principal',
  application: 'application',
  segment: 'segment',
  site: 'site',
  schedule: 'schedule',
};

export const mvHelp = `
Rewrites rules, memberships, catalog, network, tests and the ignores of cordon.yaml, all or nothing, and only when the
policy loads before and after. Comments, notes and descriptions stay as they are: the lines are listed.
Exit code: 0 renamed, 1 refused. docs/editing.md says what else has to follow a name.`;

/** Lines that are listed; programs get all of them. */
const mostMentions = 10;

export function mv(from: string, to: string, options: MvOptions): number {
  const files = readPolicyFolder(options.policy);
  const space = spaceOf(files, from, options.kind);
  const { changed, places, isClass, mentions } = orThrow(renameInPolicy(files, { space, from, to }));
  if (!options.dryRun) writePolicyFiles(options.policy, changed);
  if (options.json) {
    printJson({
      ok: true,
      from,
      to,
      space,
      places,
      isClass,
      changed: [...changed.keys()],
      mentions,
      written: !options.dryRun,
    });
    return 0;
  }
  for (const [file, text] of changed) {
    print(bold(file));
    if (options.dryRun) for (const line of diffText(files.get(file)!, text)) print(line);
  }
  const done = `${countOf(places, 'place')} in ${countOf(changed.size, 'file')}`;
  print(green(options.dryRun ? `${done} would be rewritten` : `\`${from}\` is \`${to}\` now: ${done}`));
  if (mentions.length > 0) print(`words for people still say \`${from}\`:`);
  for (const { file, line } of mentions.slice(0, mostMentions)) print(`  ${file}:${line}`);
  if (mentions.length > mostMentions) print(`  and ${mentions.length - mostMentions} more`);
  if (isClass)
    print(
      `devices registered as \`${from}\` have no access under this policy: register them as \`${to}\` when it comes into force`,
    );
  return 0;
}

/** A policy may have one name for several things: then it must be said which is meant. */
function spaceOf(files: ReadonlyMap<string, string>, name: string, kind: string | undefined): NameSpace {
  if (kind !== undefined && !Object.hasOwn(kinds, kind))
    throw new UsageError(`--kind: \`${kind}\` is not one of ${Object.keys(kinds).join(', ')}`);
  if (kind !== undefined) return kinds[kind]!;
  const spaces = spacesOf(files, name);
  if (spaces.length < 2) return spaces[0] ?? 'principal';
  const words = spaces.map((space) => Object.keys(kinds).find((word) => kinds[word] === space)!);
  throw new UsageError(`\`${name}\` is the name of several things: say --kind ${words.join(' or --kind ')}`);
}
