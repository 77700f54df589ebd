import type { Diagnostic } from '#base';
import type { NamedList } from '#model';
import type { AclEntry } from '#net';

/** Our mark on a switch: lists and VLANs whose names begin so are ours, and nothing else is. */
export const mark = 'cordon-';
export const isOurs = (name: string | null): boolean => name !== null && name.startsWith(mark);

/** Names that a switch can't be given, or that would not be known as ours. `longest`: characters. */
export function checkListNames(driver: string, lists: readonly NamedList[], longest: number): Diagnostic[] {
  const wrong = lists.filter(
    ({ name }) => !/^[A-Za-z0-9._-]+$/.test(name) || name.length > longest || !name.startsWith(mark),
  );
  return wrong.map(({ name }) => ({
    severity: 'error',
    code: `${driver}-list-name`,
    summary: `list \`${name}\` has a name that a switch can't be given`,
    hint: `names begin with \`${mark}\` and have ${longest} letters, digits, \`.\`, \`-\` and \`_\` at most`,
  }));
}

/** Entries for which `language` has no words: `missingWords` says why, or null. Nothing is ever said more broadly instead. */
export function checkListEntries(
  driver: string,
  lists: readonly NamedList[],
  language: string,
  missingWords: (entry: AclEntry) => string | null,
): Diagnostic[] {
  return lists.flatMap(({ name, entries }) =>
    entries.flatMap((entry, i): Diagnostic[] => {
      const missing = missingWords(entry);
      if (missing === null) return [];
      return [
        {
          severity: 'error',
          code: `${driver}-entry`,
          summary: `entry ${i + 1} of list \`${name}\` can't be said in \`${language}\`: ${missing}`,
          hint: 'change the policy so that no such entry is needed, or give the switch its ACL in the RADIUS reply',
        },
      ];
    }),
  );
}
