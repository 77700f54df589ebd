import type { Interval } from './interval.js';

export interface SweepCell<T> extends Interval<T> {
  /** Indexes of the lists that cover this interval, ascending, never empty. */
  readonly members: number[];
}

/** Cuts the line at every border of every list. */
export function* sweep<T extends number | bigint>(
  lists: readonly (readonly Interval<T>[])[],
  one: T,
): Generator<SweepCell<T>> {
  const events: { at: T; index: number; opens: boolean }[] = [];
  for (const [index, list] of lists.entries()) {
    for (const { first, last } of list) {
      events.push({ at: first, index, opens: true }, { at: add(last, one), index, opens: false });
    }
  }
  events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const open = new Set<number>();
  for (let i = 0; i < events.length;) {
    const from = events[i]!.at;
    for (; i < events.length && events[i]!.at === from; i++) {
      const { index, opens } = events[i]!;
      if (opens) open.add(index);
      else open.delete(index);
    }
    const next = events[i];
    if (!next || open.size === 0) continue;
    yield { first: from, last: subtract(next.at, one), members: [...open].sort((a, b) => a - b) };
  }
}

const add = <T extends number | bigint>(a: T, b: T): T => ((a as bigint) + (b as bigint)) as T;
const subtract = <T extends number | bigint>(a: T, b: T): T => ((a as bigint) - (b as bigint)) as T;
