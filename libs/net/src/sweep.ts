import { Clusters, NumberListMap } from '#base';
import type { Interval } from './interval.js';

export interface SweepCell<T> extends Interval<T> {
  /** Indexes of the lists that cover this interval, ascending, never empty. */
  readonly members: readonly number[];
}

/** Cells that the same lists cover, put together: in order of their first part. */
export interface JoinedCell<T> {
  readonly parts: Interval<T>[];
  readonly members: readonly number[];
}

type Lists<T> = readonly (readonly Interval<T>[])[];

/** Cuts the line at every border of every list, each of which is canonical. In ascending order. */
export function sweep<T extends number | bigint>(lists: Lists<T>, one: T): SweepCell<T>[] {
  const events = typeof one === 'bigint' ? wideEvents(lists as Lists<bigint>) : narrowEvents(lists as Lists<number>);
  return cellsOf(events as Events<T>, one);
}

/** The largest parts of the line that none of the lists tells apart; what is in none of them is left out. */
export function joinedCells<T extends number | bigint>(lists: Lists<T>, one: T): JoinedCell<T>[] {
  const cells: JoinedCell<T>[] = [];
  const known = new NumberListMap<JoinedCell<T>>();
  for (const { first, last, members } of sweep(lists, one)) {
    let cell = known.get(members);
    if (!cell) {
      cell = { parts: [], members };
      known.add(members, cell);
      cells.push(cell);
    }
    cell.parts.push({ first, last });
  }
  return cells;
}

/** By their places: lists that share numbers, with each other or by way of others. Each is canonical. */
export function sharingLists(lists: Lists<number>): Clusters {
  const { length, places, owners } = narrowEvents(lists);
  const clusters = new Clusters(lists.length);
  let open = 0;
  let holder = 0;
  for (let start = 0, end = 0; start < length; start = end) {
    for (; end < length && places[end] === places[start]; end++) if (owners[end]! % 2 === 0) open--;
    for (let i = start; i < end; i++) {
      if (owners[i]! % 2 === 0) continue;
      const list = owners[i]! >> 1;
      if (open++ === 0) holder = list;
      else clusters.join(holder, list);
    }
  }
  return clusters;
}

/** Where lists begin and end, in ascending order: place `i` is of list `owners[i] >> 1`, and opens it if that is odd. */
interface Events<T> {
  readonly length: number;
  readonly places: ArrayLike<T>;
  readonly owners: ArrayLike<number>;
}

function wideEvents(lists: Lists<bigint>): Events<bigint> {
  const events: { at: bigint; owner: number }[] = [];
  for (const [index, list] of lists.entries())
    for (const { first, last } of list)
      events.push({ at: first, owner: index * 2 + 1 }, { at: last + 1n, owner: index * 2 });
  events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return { length: events.length, places: events.map(({ at }) => at), owners: events.map(({ owner }) => owner) };
}

/** Most sweeps are short, and a typed array of its own would take each as long as the sweep: valid until the next sweep. */
const most = 1024;
const scratch = { keys: new Float64Array(most), owners: new Int32Array(most) };

/** Place and owner in one number, which sorts without a call for each comparison. */
function narrowEvents(lists: Lists<number>): Events<number> {
  let length = 0;
  let highest = 0;
  for (const list of lists) {
    length += list.length * 2;
    highest = Math.max(highest, list.at(-1)?.last ?? 0);
  }
  const unit = lists.length * 2;
  if ((highest + 2) * unit > Number.MAX_SAFE_INTEGER) throw new RangeError('too many lists to sweep');
  const { keys, owners } =
    length <= most ? scratch : { keys: new Float64Array(length), owners: new Int32Array(length) };
  let next = 0;
  for (const [index, list] of lists.entries()) {
    for (const { first, last } of list) {
      keys[next++] = first * unit + index * 2 + 1;
      keys[next++] = (last + 1) * unit + index * 2;
    }
  }
  sort(keys, length);
  for (let i = 0; i < length; i++) {
    const place = Math.floor(keys[i]! / unit);
    owners[i] = keys[i]! - place * unit;
    keys[i] = place;
  }
  return { length, places: keys, owners };
}

/** Most sweeps are of few lists: by hand, they are sorted before the engine's own sort has begun. */
const few = 48;

function sort(keys: Float64Array, length: number): void {
  if (length > few) {
    keys.subarray(0, length).sort();
    return;
  }
  for (let i = 1; i < length; i++) {
    const key = keys[i]!;
    let at = i;
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
}

function cellsOf<T extends number | bigint>({ length, places, owners }: Events<T>, one: T): SweepCell<T>[] {
  const cells: SweepCell<T>[] = [];
  /** Ascending. */
  const open: number[] = [];
  for (let i = 0; i < length;) {
    const first = places[i]!;
    for (; i < length && places[i] === first; i++) {
      const index = owners[i]! >> 1;
      if (owners[i]! % 2 === 1) insert(open, index);
      else open.splice(open.indexOf(index), 1);
    }
    if (open.length > 0) cells.push({ first, last: subtract(places[i]!, one), members: open.slice() });
  }
  return cells;
}

function insert(ascending: number[], value: number): void {
  let at = ascending.length;
  while (at > 0 && ascending[at - 1]! > value) at--;
  ascending.splice(at, 0, value);
}

const subtract = <T extends number | bigint>(a: T, b: T): T => ((a as bigint) - (b as bigint)) as T;
