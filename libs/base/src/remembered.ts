/** What follows of an object that never changes, worked out once. */
export function remembered<K extends object, T>(known: Pick<WeakMap<K, T>, 'get' | 'set'>, of: K, make: () => T): T {
  let value = known.get(of);
  if (value === undefined) {
    value = make();
    known.set(of, value);
  }
  return value;
}
