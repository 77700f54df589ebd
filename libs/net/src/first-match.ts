import { bitsOf, type Family, type Prefix } from './address.js';
import type { Interval } from './interval.js';

export interface PrefixLine {
  readonly action: 'permit' | 'deny';
  readonly prefix: Prefix;
}

/**
 * The fewest lines `permit|deny prefix` that, read top down with the first match deciding and an implicit deny at the end,
 * permit exactly these addresses. Longer prefixes stand before the shorter ones that contain them.
 *
 * Optimal for prefixes: the three passes of Draves, King, Venkatachary, Zill, "Constructing Optimal IP Routing Tables"
 * (INFOCOM 1999), with two colours instead of next hops.
 */
export function firstMatchPrefixes(family: Family, set: readonly Interval<bigint>[]): PrefixLine[] {
  const out: PrefixLine[] = [];
  emit(colour(set, 0, set.length, 0n, bitsOf(family)), 'deny', family, 0n, 0, out);
  return out;
}

type Action = PrefixLine['action'];

/** A node of the address tree: the colours that it may have at least cost, and its halves where it is mixed. */
interface Node {
  readonly may: ReadonlySet<Action>;
  readonly halves: readonly [Node, Node] | null;
}

const permitted: Node = { may: new Set(['permit']), halves: null };
const denied: Node = { may: new Set(['deny']), halves: null };
const either: ReadonlySet<Action> = new Set(['permit', 'deny']);

/** 2^0 … 2^128: shifting anew for each node is what would cost. */
const powers = Array.from({ length: 129 }, (_, i) => 1n << BigInt(i));

/** `set[from]` up to before `set[to]`: the intervals that touch this node, which holds the `2^free` addresses from `first`. */
function colour(set: readonly Interval<bigint>[], from: number, to: number, first: bigint, free: number): Node {
  if (from === to) return denied;
  const whole = set[from]!;
  if (whole.first <= first && whole.last >= first + powers[free]! - 1n) return permitted;
  const middle = first + powers[free - 1]!;
  let lowEnd = from;
  while (lowEnd < to && set[lowEnd]!.first < middle) lowEnd++;
  // Only the last interval below the middle can reach over it.
  const highStart = lowEnd > from && set[lowEnd - 1]!.last >= middle ? lowEnd - 1 : lowEnd;
  const low = colour(set, from, lowEnd, first, free - 1);
  const high = colour(set, highStart, to, middle, free - 1);
  const both = low.may === high.may ? low.may : low.may.intersection(high.may);
  return { may: both.size > 0 ? both : either, halves: [low, high] };
}

function emit(node: Node, inherited: Action, family: Family, first: bigint, length: number, out: PrefixLine[]): void {
  const action = node.may.has(inherited) ? inherited : node.may.has('permit') ? 'permit' : 'deny';
  if (node.halves) {
    const half = powers[bitsOf(family) - length - 1]!;
    emit(node.halves[0], action, family, first, length + 1, out);
    emit(node.halves[1], action, family, first + half, length + 1, out);
  }
  if (action !== inherited) out.push({ action, prefix: { family, value: first, length } });
}
