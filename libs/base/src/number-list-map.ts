interface Entry<T> {
  readonly list: readonly number[];
  readonly value: T;
  /** Of another list with the same hash. */
  readonly next: Entry<T> | undefined;
}

/**
 * Values by lists of whole numbers from 0 to 2³¹-1, compared by content. Builds no text to look a list up; keeps the lists
 * that it is given, which must not change any more. Forgets everything when it has `most` of them: for what is only quicker
 * to find than to make again.
 */
export class NumberListMap<T> {
  private readonly entries = new Map<number, Entry<T>>();
  private count = 0;

  constructor(private readonly most = Infinity) {}

  get(list: readonly number[]): T | undefined {
    for (let entry = this.entries.get(hashOf(list)); entry; entry = entry.next)
      if (isEqual(entry.list, list)) return entry.value;
    return undefined;
  }

  /** Of a list that is not in here yet. */
  add(list: readonly number[], value: T): void {
    if (this.count === this.most) {
      this.entries.clear();
      this.count = 0;
    }
    this.count++;
    const hash = hashOf(list);
    this.entries.set(hash, { list, value, next: this.entries.get(hash) });
  }

  getOrAdd(list: readonly number[], make: () => T): T {
    let value = this.get(list);
    if (value === undefined) {
      value = make();
      this.add(list, value);
    }
    return value;
  }
}

/** FNV-1a over the numbers, within the small integers of the engine. */
function hashOf(list: readonly number[]): number {
  let hash = 0x811c_9dc5 ^ list.length;
  for (let i = 0; i < list.length; i++) {
    hash = Math.imul(hash ^ list[i]!, 0x0100_0193);
    hash ^= hash >>> 15;
  }
  return hash & 0x3fff_ffff;
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
