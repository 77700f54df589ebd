/** A `Map` or a `WeakMap`. */
interface Memory<K, T> {
  get(of: K): T | undefined;
  set(of: K, value: T): unknown;
}

/** What follows of something that never changes, worked out once. */
export function remembered<K, T>(known: Memory<K, T>, of: K, make: () => T): T {
  let value = known.get(of);
  if (value === undefined) {
    value = make();
    known.set(of, value);
  }
  return value;
}
