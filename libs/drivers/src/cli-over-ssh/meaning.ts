import { families, type AclEntry, type Family } from '#net';
import type { Make } from './make.js';
import { keyText, type ObservedLists } from './model.js';

/**
 * What the two lists of a name mean, as entries of which one decides on every packet. Throws where that is not known: where something
 * was not understood, and where no entry decides on all the rest. What the make adds at the end by itself then never counts.
 */
export function readMeaning(make: Make, { lists }: ObservedLists, name: string): AclEntry[] {
  return families.flatMap((family) => {
    const list = lists.get(keyText({ family, name: make.listName(name, family) }));
    if (!list) throw new Error(`there is no list \`${name}\` of IPv${family}`);
    for (const note of list.notes) throw new Error(`list \`${name}\`: ${note}`);
    const entries = list.entries.flatMap(({ text, means }) => {
      if (means === null) throw new Error(`list \`${name}\`: \`${text}\` is not understood`);
      return means;
    });
    if (!entries.some((entry) => isEverything(entry, family)))
      throw new Error(`list \`${name}\` does not say what becomes of all other IPv${family}`);
    return entries;
  });
}

const isEverything = (entry: AclEntry, family: Family): boolean =>
  entry.family === family &&
  entry.protocol === null &&
  !entry.sourcePorts &&
  !entry.destination &&
  !entry.destinationPorts;
