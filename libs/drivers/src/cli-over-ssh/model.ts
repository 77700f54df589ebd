import { canonicalJson } from '#base';
import { formatPrefix, type AclEntry, type Family } from '#net';
import type { ObservedState } from '../driver.js';

/** A list of one family under its name on the switch. */
export interface ListKey {
  readonly family: Family;
  readonly name: string;
}
export const keyText = ({ family, name }: ListKey): string => `${family} ${name}`;

export interface ListedEntry {
  /** Of the switch: it looks at entries in this order. */
  readonly number: number;
  /** As the switch wrote it, without the number. */
  readonly text: string;
  /** Side by side; null: not understood, so the list has no meaning that is known. */
  readonly means: readonly AclEntry[] | null;
}

/** In order of number. */
export interface DeviceList extends ListKey {
  readonly entries: readonly ListedEntry[];
  /** What else the switch says of it, as text: drift, and the list has no meaning that is known. */
  readonly notes: readonly string[];
}

/** What a text says is on the switch: ours alone. */
export interface ObservedLists extends ObservedState {
  /** By `keyText`. */
  readonly lists: ReadonlyMap<string, DeviceList>;
}

/** Equal for entries that do the same; switches write numbers, masks and names in more than one way. */
export const contentOf = ({ text, means }: ListedEntry): string =>
  means === null
    ? text
    : canonicalJson(
        means.map((entry) => ({ ...entry, destination: entry.destination && formatPrefix(entry.destination) })),
      );

/** Equal for lists that are the same in everything but the numbers of their entries. */
export const fingerprint = ({ entries, notes }: DeviceList): string => canonicalJson([entries.map(contentOf), notes]);
