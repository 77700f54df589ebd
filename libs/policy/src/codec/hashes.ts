import { canonicalJson, remembered, sha256 } from '#base';

/** A snapshot is named by the hash of the hashes of its sections. */
export const digestOfSections = (hashes: Readonly<Record<string, string>>): string => sha256(canonicalJson(hashes));
export const hashOf = (value: unknown): string => sha256(canonicalJson(value));

const knownHashes = new WeakMap<object, string>();

/** The hash of an object that never changes, worked out once from its canonical JSON. */
export function hashOnce<T extends object>(object: T, json: (object: T) => string): string {
  return remembered(knownHashes, object, () => sha256(json(object)));
}

export function rememberHash(object: object, hash: string): void {
  knownHashes.set(object, hash);
}

/** A list of what is JSON already. */
export const jsonList = (items: readonly string[]): string => `[${items.join(',')}]`;

export function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
