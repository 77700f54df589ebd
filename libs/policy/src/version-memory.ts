/* What a loader and a compiler know from one version of a policy to the next. */

/** The last result, as long as it is asked for the same things: the same objects in the same order. */
export class Latest<T> {
  private of: readonly unknown[] | null = null;
  private value: T | undefined;

  get(of: readonly unknown[], make: () => T): T {
    const before = this.of;
    if (before === null || before.length !== of.length || !of.every((item, i) => item === before[i])) {
      this.value = make();
      this.of = of;
    }
    return this.value as T;
  }
}

/**
 * Results for the items of a list whose next version is mostly the same in the same order. An item is known by its key, an
 * object or a text; one that is the same object as before has the same result, and is not even looked at: with tens of
 * thousands of rules, it is reaching for each of them that takes time.
 */
export class Successive<I, V> {
  private items: readonly I[] = [];
  private keys: readonly unknown[] = [];
  private values: readonly V[] = [];

  constructor(private readonly keyOf: (item: I) => unknown) {}

  /**
   * `make` is given what it made of another item with the same key before, if that is found. Where it made `undefined`, it
   * is asked again each time.
   */
  map(items: readonly I[], make: (item: I, before: V | undefined) => V): readonly V[] {
    const known = new Sequence(this.keys);
    const keys: unknown[] = [];
    const values: V[] = [];
    for (const item of items) {
      const { next } = known;
      const same = next < this.items.length && item === this.items[next] ? this.values[next] : undefined;
      if (same !== undefined) {
        keys.push(this.keys[next]);
        values.push(same);
        known.next++;
        continue;
      }
      const key = this.keyOf(item);
      const place = known.find(key);
      keys.push(key);
      values.push(make(item, place < 0 ? undefined : this.values[place]));
    }
    this.items = items;
    this.keys = keys;
    this.values = values;
    return values;
  }
}

/** Looks up one list's items in another that has mostly the same in the same order. */
class Sequence<K> {
  /** Where the next key is expected. */
  next = 0;
  private misses = 0;
  private places: ReadonlyMap<K, number> | null = null;

  constructor(private readonly keys: readonly K[]) {}

  /** −1 where there is none. Equal keys are asked for in their order. */
  find(key: K): number {
    const place = this.placeOf(key);
    if (place >= 0) this.next = place + 1;
    return place;
  }

  private placeOf(key: K): number {
    const { keys, next } = this;
    if (keys[next] === key && next < keys.length) return next;
    // An edit takes out, puts in or changes a few: only for many is an index worth its while.
    const end = Math.min(next + near, keys.length);
    for (let place = next + 1; place < end; place++) if (keys[place] === key) return place;
    if (++this.misses <= near) return -1;
    this.places ??= new Map(keys.map((one, place) => [one, place]));
    return this.places.get(key) ?? -1;
  }
}

const near = 32;
