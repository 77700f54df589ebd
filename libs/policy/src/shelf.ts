/**
 * Results of the compilation before, by what they were made from: an edit makes anew only what it touches. Knows its results
 * by their key alone, so a key must hold everything that a result depends on. What one compilation did not ask for is
 * forgotten at its end.
 */
export class Shelf<T> {
  private before: ReadonlyMap<string, T> = new Map();
  private now = new Map<string, T>();

  get(key: string, make: () => T): T {
    const known = this.now.get(key) ?? this.before.get(key) ?? make();
    this.now.set(key, known);
    return known;
  }

  /** Begins the next compilation. */
  turn(): void {
    this.before = this.now;
    this.now = new Map();
  }
}

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
