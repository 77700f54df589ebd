import { TerminalFault } from '../driver.js';
import { contentOf, type ListedEntry } from './model.js';

export type Edit = { readonly add: ListedEntry } | { readonly remove: number };

const isDeny = ({ text }: ListedEntry): boolean => /^deny\b/.test(text);

/**
 * Turns one list into another, entry by entry, since command lines have nothing else.
 *
 * INVARIANT: after every single edit the list permits nothing that neither the list before nor the list after permits, and it is never
 * empty: an empty list permits everything on some switches. So missing denies come first, from the end on; then what is
 * permitted too much goes; then come missing permits; and what is denied too much goes last. What both lists permit stays permitted
 * all the time, unless somebody moved a deny.
 */
export function editList(have: readonly ListedEntry[], want: readonly ListedEntry[]): Edit[] {
  const kept = longestCommon(have, want);
  const stays = new Set(kept.values());
  const wrong = have.filter((entry) => !stays.has(entry));
  // IOS XE takes no entry twice, so one that is in the wrong place must go before it can come
  const contents = new Set(want.map(contentOf));
  const hasMovedDeny = wrong.some((entry) => isDeny(entry) && contents.has(contentOf(entry)));
  const missing = hasMovedDeny ? null : placeMissing(have, want, kept);
  if (!missing) return editClosed(have, want);
  return [
    ...addDenies(missing),
    ...removeAll(wrong.filter((entry) => !isDeny(entry))),
    ...addPermits(missing),
    ...removeAll(wrong.filter(isDeny)),
  ];
}

const addDenies = (entries: readonly ListedEntry[]): Edit[] =>
  entries
    .filter(isDeny)
    .reverse()
    .map((add) => ({ add }));
const addPermits = (entries: readonly ListedEntry[]): Edit[] =>
  entries.filter((entry) => !isDeny(entry)).map((add) => ({ add }));
const removeAll = (entries: readonly ListedEntry[]): Edit[] => entries.map(({ number }) => ({ remove: number }));

/** Entries that are there already, in the order that is wanted: by their place in `want`. */
function longestCommon(have: readonly ListedEntry[], want: readonly ListedEntry[]): Map<number, ListedEntry> {
  const [a, b] = [have.map(contentOf), want.map(contentOf)];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i]![j] = a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  const out = new Map<number, ListedEntry>();
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) out.set(j++, have[i++]!);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return out;
}

/** What is missing, with numbers between those of its neighbours that nothing has; null: there is no room. */
function placeMissing(
  have: readonly ListedEntry[],
  want: readonly ListedEntry[],
  kept: ReadonlyMap<number, ListedEntry>,
): ListedEntry[] | null {
  const taken = new Set(have.map(({ number }) => number));
  const out: ListedEntry[] = [];
  let last = 0;
  for (const [i, entry] of want.entries()) {
    const there = kept.get(i);
    if (there) {
      last = there.number;
      continue;
    }
    const next = want.findIndex((_, j) => j > i && kept.has(j));
    const limit = kept.get(next)?.number ?? Infinity;
    const isFree = (number: number): boolean => number > last && number < limit && !taken.has(number);
    let { number } = entry;
    if (!isFree(number)) for (number = last + 1; number < limit && taken.has(number);) number++;
    if (!isFree(number)) return null;
    out.push({ ...entry, number });
    last = number;
  }
  return out;
}

/** Where entries can't be put right one by one: closes the list, and builds it anew before its last deny. */
function editClosed(have: readonly ListedEntry[], want: readonly ListedEntry[]): Edit[] {
  const last = want.at(-1);
  if (!last || !isDeny(last)) throw new TerminalFault('a list that does not end in a deny is not made by Cordon');
  const found = have.find((entry) => contentOf(entry) === contentOf(last));
  const end = found ?? { ...last, number: Math.max(...[...have, ...want].map(({ number }) => number)) + 10 };
  const others = have.filter((entry) => entry !== found);
  const rest = want.slice(0, -1);
  const step = [10, 1].find((each) => each * rest.length < end.number);
  if (step === undefined)
    throw new TerminalFault('there is no room before the last entry of a list: take the list away by hand');
  const anew = rest.map((entry, i) => ({ ...entry, number: step * (i + 1) }));
  return [
    ...(found ? [] : [{ add: end }]),
    ...removeAll(others.filter((entry) => !isDeny(entry))),
    ...removeAll(others.filter(isDeny)),
    ...addDenies(anew),
    ...addPermits(anew),
  ];
}
