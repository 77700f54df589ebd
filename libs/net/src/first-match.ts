import { bitsOf, type Family, type Prefix } from './address.js';
import { blockAround, powers, rangeOfBlock, width } from './address-blocks.js';
import type { Interval } from './interval.js';

export interface PrefixLine {
  readonly action: 'permit' | 'deny';
  readonly prefix: Prefix;
}

type Ranges = readonly Interval<bigint>[];

/**
 * The fewest lines `permit|deny prefix` that, read top down with the first match deciding and an implicit deny at the end,
 * permit exactly these addresses. Longer prefixes stand before the shorter ones that contain them.
 *
 * Optimal for prefixes: Draves, King, Venkatachary, Zill, "Constructing Optimal IP Routing Tables" (INFOCOM 1999), with two
 * colours instead of next hops.
 */
export function firstMatchPrefixes(family: Family, set: Ranges): PrefixLine[] {
  return repaintPrefixes(family, [], set);
}

/**
 * The same above a list that permits exactly `before`: the fewest lines after which exactly `after` is permitted. Only the
 * smallest block that holds all changes is looked at: a line on more than that would serve nothing outside of it.
 */
export function repaintPrefixes(family: Family, before: Ranges, after: Ranges): PrefixLine[] {
  const changed = changedSpan(before, after);
  if (!changed) return [];
  const block = blockAround(changed.first, changed.last);
  const range = rangeOfBlock(block);
  const out: PrefixLine[] = [];
  emit(colour(slice(before, range), slice(after, range), block.first, block.free), 'keep', family, out);
  return out;
}

/** From the first to the last address that is in one of two sets alone. */
function changedSpan(a: Ranges, b: Ranges): Interval<bigint> | null {
  let from = 0;
  while (from < a.length && from < b.length && isEqual(a[from]!, b[from]!)) from++;
  let back = 1;
  while (back <= a.length - from && back <= b.length - from && isEqual(a.at(-back)!, b.at(-back)!)) back++;
  const [x, y] = [a[from], b[from]];
  if (!x && !y) return null;
  const first = !x || !y ? (x ?? y)!.first : x.first === y.first ? min(x.last, y.last) + 1n : min(x.first, y.first);
  const [p, q] = [a.at(-back), b.at(-back)];
  const last = !p || !q ? (p ?? q)!.last : p.last === q.last ? max(p.first, q.first) - 1n : max(p.last, q.last);
  return { first, last };
}

const isEqual = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first === b.first && a.last === b.last;
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What is decided above a node of the address tree; `keep`: nothing yet, so the list below decides. */
type State = 'keep' | 'permit' | 'deny';

/** The `2^free` addresses from `first`: how many lines they take under each state. */
interface Node extends Readonly<Record<State, number>> {
  readonly first: bigint;
  readonly free: number;
  /** Null where one colour is wanted all over: `permit` or `deny`, whichever costs nothing. */
  readonly halves: readonly [Node, Node] | null;
}

/** The intervals of a list that touch a node: from `from` up to before `to`. */
interface Slice {
  readonly list: Ranges;
  readonly from: number;
  readonly to: number;
}

function slice(list: Ranges, { first, last }: Interval<bigint>): Slice {
  let from = 0;
  while (from < list.length && list[from]!.last < first) from++;
  let to = list.length;
  while (to > from && list[to - 1]!.first > last) to--;
  return { list, from, to };
}

function colour(before: Slice, after: Slice, first: bigint, free: number): Node {
  const wanted = extent(after, first, free);
  if (wanted !== 'part') {
    const keep = extent(before, first, free) === wanted ? 0 : 1;
    return { keep, permit: wanted === 'all' ? 0 : 1, deny: wanted === 'all' ? 1 : 0, first, free, halves: null };
  }
  if (before.from === before.to) {
    const low = after.list[after.from]!.first;
    const high = after.list[after.to - 1]!.last;
    if (low >= first && high < first + powers[free]!) {
      const inner = width(low ^ high);
      if (inner <= free - 2) {
        const block = colour(before, after, low & ~(powers[inner]! - 1n), inner);
        return join(block, { ...untouched, first, free: inner }, first, free);
      }
    }
  }
  const middle = first + powers[free - 1]!;
  const [lowBefore, highBefore] = halve(before, middle);
  const [lowAfter, highAfter] = halve(after, middle);
  const low = colour(lowBefore, lowAfter, first, free - 1);
  return join(low, colour(highBefore, highAfter, middle, free - 1), first, free);
}

/**
 * All of a node but one block at least two levels down. It is two siblings or more, so under a permit each of them would
 * need a deny: never fewer lines than one deny for the node.
 */
const untouched = { keep: 0, permit: Infinity, deny: 0, halves: null };

function join(low: Node, high: Node, first: bigint, free: number): Node {
  const permit = low.permit + high.permit;
  const deny = low.deny + high.deny;
  const anew = 1 + Math.min(permit, deny);
  return {
    keep: Math.min(low.keep + high.keep, anew),
    permit: Math.min(permit, anew),
    deny: Math.min(deny, anew),
    first,
    free,
    halves: [low, high],
  };
}

function extent({ list, from, to }: Slice, first: bigint, free: number): 'none' | 'part' | 'all' {
  if (from === to) return 'none';
  const only = list[from]!;
  return only.first <= first && only.last >= first + powers[free]! - 1n ? 'all' : 'part';
}

function halve({ list, from, to }: Slice, middle: bigint): [Slice, Slice] {
  let end = from;
  while (end < to && list[end]!.first < middle) end++;
  // Only the last interval below the middle can reach over it.
  const start = end > from && list[end - 1]!.last >= middle ? end - 1 : end;
  return [
    { list, from, to: end },
    { list, from: start, to },
  ];
}

function emit(node: Node, inherited: State, family: Family, out: PrefixLine[]): void {
  const { halves, first, free } = node;
  const prefix = { family, value: first, length: bitsOf(family) - free };
  if (!halves) {
    if (node[inherited] > 0) out.push({ action: node.permit === 0 ? 'permit' : 'deny', prefix });
    return;
  }
  const [low, high] = halves;
  const isAsInherited = low[inherited] + high[inherited] === node[inherited];
  const state = isAsInherited ? inherited : low.permit + high.permit <= low.deny + high.deny ? 'permit' : 'deny';
  emit(low, state, family, out);
  emit(high, state, family, out);
  if (state !== inherited && state !== 'keep') out.push({ action: state, prefix });
}
