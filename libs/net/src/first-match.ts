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
  emit(colour(set, 0n, bitsOf(family)), 'deny', family, 0n, 0, out);
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

/** `set`: the intervals that touch this node, which holds the `2^free` addresses from `first`. */
function colour(set: readonly Interval<bigint>[], first: bigint, free: number): Node {
  if (set.length === 0) return denied;
  const last = first + (1n << BigInt(free)) - 1n;
  if (set[0]!.first <= first && set[0]!.last >= last) return permitted;
  const middle = first + (1n << BigInt(free - 1));
  const low = colour(
    set.filter((interval) => interval.first < middle),
    first,
    free - 1,
  );
  const high = colour(
    set.filter((interval) => interval.last >= middle),
    middle,
    free - 1,
  );
  const both = low.may.intersection(high.may);
  return { may: both.size > 0 ? both : low.may.union(high.may), halves: [low, high] };
}

function emit(node: Node, inherited: Action, family: Family, first: bigint, length: number, out: PrefixLine[]): void {
  const action = node.may.has(inherited) ? inherited : node.may.has('permit') ? 'permit' : 'deny';
  if (node.halves) {
    const half = 1n << BigInt(bitsOf(family) - length - 1);
    emit(node.halves[0], action, family, first, length + 1, out);
    emit(node.halves[1], action, family, first + half, length + 1, out);
  }
  if (action !== inherited) out.push({ action, prefix: { family, value: first, length } });
}
