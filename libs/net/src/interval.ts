/** A closed interval: `first <= last`. */
export interface Interval<T> {
  readonly first: T;
  readonly last: T;
}

/** A text of its own for each list of intervals. */
export const textOfIntervals = (list: readonly Interval<number | bigint>[]): string =>
  list.map(({ first, last }) => `${first}-${last}`).join();

/**
 * Exact set algebra on lists of closed intervals over a discrete, totally ordered domain. The canonical form is sorted,
 * disjoint and not adjacent, so equal sets have equal lists. Every function takes and returns canonical lists, except
 * `normalize`, which takes any.
 */
export class IntervalAlgebra<T extends number | bigint> {
  constructor(private readonly one: T) {}

  private next(value: T): T {
    return ((value as bigint) + (this.one as bigint)) as T;
  }

  private previous(value: T): T {
    return ((value as bigint) - (this.one as bigint)) as T;
  }

  normalize(intervals: readonly Interval<T>[]): Interval<T>[] {
    const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    const out: { first: T; last: T }[] = [];
    for (const { first, last } of sorted) {
      const top = out.at(-1);
      if (top && first <= this.next(top.last)) {
        if (last > top.last) top.last = last;
      } else out.push({ first, last });
    }
    // Many sets are kept: a list that has grown has room for more.
    return out.slice();
  }

  union(a: readonly Interval<T>[], b: readonly Interval<T>[]): Interval<T>[] {
    if (a.length === 0) return [...b];
    if (b.length === 0) return [...a];
    return this.normalize([...a, ...b]);
  }

  intersect(a: readonly Interval<T>[], b: readonly Interval<T>[]): Interval<T>[] {
    const out: Interval<T>[] = [];
    for (let i = 0, j = 0; i < a.length && j < b.length;) {
      const x = a[i]!;
      const y = b[j]!;
      const first = x.first > y.first ? x.first : y.first;
      const last = x.last < y.last ? x.last : y.last;
      if (first <= last) out.push({ first, last });
      if (x.last < y.last) i++;
      else j++;
    }
    return out;
  }

  subtract(a: readonly Interval<T>[], b: readonly Interval<T>[]): Interval<T>[] {
    const out: Interval<T>[] = [];
    let j = 0;
    for (const { first, last } of a) {
      let from = first;
      while (j < b.length && b[j]!.last < from) j++;
      for (let k = j; k < b.length && b[k]!.first <= last && from <= last; k++) {
        const cut = b[k]!;
        if (cut.first > from) out.push({ first: from, last: this.previous(cut.first) });
        from = this.next(cut.last);
      }
      if (from <= last) out.push({ first: from, last });
    }
    return out;
  }

  contains(set: readonly Interval<T>[], value: T): boolean {
    let low = 0;
    let high = set.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last } = set[middle]!;
      if (value < first) high = middle - 1;
      else if (value > last) low = middle + 1;
      else return true;
    }
    return false;
  }

  isSubset(a: readonly Interval<T>[], b: readonly Interval<T>[]): boolean {
    return this.subtract(a, b).length === 0;
  }

  equals(a: readonly Interval<T>[], b: readonly Interval<T>[]): boolean {
    return a.length === b.length && a.every((x, i) => x.first === b[i]!.first && x.last === b[i]!.last);
  }
}
