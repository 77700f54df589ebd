import { sha256 } from '#base';
import type { Family } from '#net';

/**
 * A class's word in object names. nft takes letters, digits, `-` and `_` after a letter, and the kernel takes 255 bytes.
 * INVARIANT: injective. A short plain name stays itself; any other gets a hash behind a `_`, which no plain name has.
 */
export function nameWord(name: string): string {
  if (/^[a-z][a-z0-9-]{0,47}$/.test(name)) return name;
  return `x_${name.replace(/[^a-z0-9-]/g, '-').slice(0, 24)}_${sha256(name).slice(0, 16)}`;
}

/**
 * Set of the addresses that the devices of these classes have now: one set for each list of classes that a line names, so
 * that a line about a class with forty below it is one lookup, not forty. `classes`: sorted, each once, at least one.
 */
export function classSet(classes: readonly string[], family: Family): string {
  const [first = '', ...more] = classes;
  if (more.length === 0) return `${nameWord(first)}_${family}`;
  const word = first.replace(/[^a-z0-9-]/g, '-').slice(0, 24);
  // no word of a single class begins like this: see above
  return `any_${word}_and_${more.length}_${sha256(JSON.stringify(classes)).slice(0, 16)}_${family}`;
}
/**
 * The same for what only a candidate asks: a set of its own, so that it comes and goes without any other rule.
 * INVARIANT: no set of lines in force has such a name. Theirs have `any`, `x` or nothing in front of their first `_` but a whole name, and
 * behind a whole name the family.
 */
export const watchedSet = (classes: readonly string[], family: Family): string =>
  `${watchedPrefix}${classSet(classes, family)}`;
export const watchedPrefix = 'audit_of_';

/** Named, so that all rules of one policy line count into one place. Ids are checked to be plain (`isPlainId`). */
export const lineCounter = (id: string): string => `line_${id}`;
export const isPlainId = (id: string): boolean => /^[0-9a-z-]{1,64}$/.test(id);
