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

/** Results for some names, which are the same in all versions. */
export class ByName<V> {
  private readonly values: V[] = [];

  /** By place of the name; made anew where a name is new or among those that changed. Valid until the next call. */
  update(
    names: readonly string[],
    changed: ReadonlySet<string>,
    make: (name: string, before: V | null) => V,
  ): readonly V[] {
    const { values } = this;
    for (const [i, name] of names.entries())
      if (i >= values.length || changed.has(name)) values[i] = make(name, values[i] ?? null);
    return values;
  }
}

/**
 * Results for the items of a list whose next version is mostly the same in the same order. An item is known by its key, an
 * object or a text. What both versions begin and end with is compared and no more: with tens of thousands of rules, it is
 * reaching for each of them that takes time.
 */
export class Successive<I, V> {
  private items: readonly I[] = [];
  private readonly keys: unknown[] = [];
  private readonly values: V[] = [];

  /**
   * `adapt`: what becomes of a result when its item is another object with the same key; without it, results depend on
   * nothing but the key.
   */
  constructor(
    private readonly keyOf: (item: I) => unknown,
    private readonly adapt: ((item: I, before: V) => V) | null = null,
  ) {}

  /** The results until the next call, which changes the list. Where `make` makes `undefined`, it is asked again each time. */
  map(items: readonly I[], make: (item: I) => V): readonly V[] {
    const [was, is] = [this.items.length, items.length];
    const { start, end } = commonEnds(was, is, (before, now) => {
      if (this.values[before] === undefined) return false;
      return items[now] === this.items[before] || this.keyOf(items[now]!) === this.keys[before];
    });
    const known = new Sequence(this.keys);
    known.next = start;
    const keys: unknown[] = [];
    const values: V[] = [];
    for (const item of items.slice(start, is - end)) {
      const key = this.keyOf(item);
      const place = known.find(key);
      keys.push(key);
      values.push(this.next(item, place, make));
    }
    // After the items between: they may have the key of one that stays.
    for (let i = 0; i < start; i++) this.adaptAt(i, items[i]!);
    for (let i = 1; i <= end; i++) this.adaptAt(was - i, items[is - i]!);
    replace(this.keys, start, was - end, keys);
    replace(this.values, start, was - end, values);
    this.items = items;
    return this.values;
  }

  private next(item: I, place: number, make: (item: I) => V): V {
    const before = place < 0 ? undefined : this.values[place];
    if (before === undefined) return make(item);
    return this.adapt && item !== this.items[place] ? this.adapt(item, before) : before;
  }

  private adaptAt(place: number, item: I): void {
    if (this.adapt && item !== this.items[place]) this.values[place] = this.adapt(item, this.values[place]!);
  }
}

/** How many places two lists have in common at their start, and at their end behind that. */
export function commonEnds(
  was: number,
  is: number,
  isSame: (before: number, now: number) => boolean,
): { readonly start: number; readonly end: number } {
  const most = Math.min(was, is);
  let start = 0;
  while (start < most && isSame(start, start)) start++;
  let end = 0;
  while (end < most - start && isSame(was - 1 - end, is - 1 - end)) end++;
  return { start, end };
}

/** Of a long list, which stays where it is: making it anew takes longer than the change. */
function replace<T>(list: T[], from: number, to: number, by: readonly T[]): void {
  const most = 1000;
  if (by.length <= most) list.splice(from, to - from, ...by);
  else {
    const tail = list.splice(from).slice(to - from);
    for (const item of by) list.push(item);
    for (const item of tail) list.push(item);
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
