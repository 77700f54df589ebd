import { hash } from 'node:crypto';

/** JSON with sorted keys and no white space: equal values give equal bytes. `undefined` members are left out; `bigint` is refused. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) {
    // Lists of lists have one form only, and make up most of a snapshot.
    if (isOfLists(value)) return JSON.stringify(value);
    return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  }
  let text = '';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Whether there is no object with names in it, however deep. */
function isOfLists(list: readonly unknown[]): boolean {
  for (const item of list) {
    if (typeof item !== 'object' || item === null) continue;
    if (!Array.isArray(item) || !isOfLists(item)) return false;
  }
  return true;
}

/** SHA-256 in lower-case hex (64 characters). */
export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex');
}

export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    if (Array.isArray(value)) for (const item of value) deepFreeze(item);
    // Values of large records are found faster one by one than all at once.
    else for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key]);
  }
  return value;
}
