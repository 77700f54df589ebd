import type { LearnOptions } from './learned.js';

/** Columns of connections that policy does not allow, from any source. */
export interface ScanInput {
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly service: readonly number[];
  /** Milliseconds. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly isAnswered: readonly (boolean | null)[];
  /** How many of the same there were, from the first to the last. */
  readonly times: readonly number[];
  /** A server of the catalog: it may have reason to go from device to device. */
  readonly isServer: (end: number) => boolean;
  /** Nobody knows that anything has this address. */
  readonly isUnknown: (end: number) => boolean;
  /** Services that belong together, such as the ports of media streams, are one. */
  readonly familyOf: (service: number) => number;
}

/** One source that went through many targets. */
export interface Scan {
  readonly source: number;
  /** Indexes of its connections, by time. */
  readonly connections: readonly number[];
  /** Most distinct targets within the time of a scan. */
  readonly targets: number;
}

type ScanOptions = Pick<LearnOptions, 'scanTargets' | 'scanSeconds' | 'minConnections'>;

/**
 * Sources that tried at least `scanTargets` targets within `scanSeconds`, with all that they did meanwhile. A target is an address and a service:
 *
 *   - one that answered does not count, as far as the records say
 *   - where they don't: one that the source came back to, `minConnections` times in all, does not count, unless nobody knows the address
 *   - of a server, where they don't, services count and not addresses: a gateway polls its devices
 *
 * Of several connections of the same that are told together, the first alone counts as an attempt; all of them are left out where some of
 * them may have been meanwhile.
 */
export function findScans(input: ScanInput, options: ScanOptions): Scan[] {
  const bySource = groupBySource(input.source);
  const scans: Scan[] = [];
  for (const [source, indexes] of bySource) {
    if (indexes.length < options.scanTargets) continue;
    const found = scanOf(input, options, source, indexes);
    if (found) scans.push(found);
  }
  return scans;
}

function groupBySource(source: readonly number[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [i, end] of source.entries()) {
    const known = found.get(end);
    if (known) known.push(i);
    else found.set(end, [i]);
  }
  return found;
}

function scanOf(input: ScanInput, options: ScanOptions, source: number, indexes: number[]): Scan | null {
  const targets = targetsOf(input, options, input.isServer(source), indexes);
  if (new Set(targets.values()).size < options.scanTargets) return null;
  const { first } = input;
  const sorted = indexes.sort((a, b) => first[a]! - first[b]! || a - b);
  const within = new Map<number, number>();
  const marked = new Set<number>();
  const spans: Span[] = [];
  let [low, done, most] = [0, 0, 0];
  for (const [high, index] of sorted.entries()) {
    const target = targets.get(index);
    if (target !== undefined) within.set(target, (within.get(target) ?? 0) + 1);
    for (; first[sorted[low]!]! < first[index]! - 1000 * options.scanSeconds; low++) {
      const gone = targets.get(sorted[low]!);
      if (gone === undefined) continue;
      const left = within.get(gone)! - 1;
      if (left === 0) within.delete(gone);
      else within.set(gone, left);
    }
    if (within.size < options.scanTargets) continue;
    most = Math.max(most, within.size);
    for (done = Math.max(done, low); done <= high; done++) marked.add(sorted[done]!);
    const [from, to] = [first[sorted[low]!]!, first[index]!];
    const before = spans.at(-1);
    if (before && before.to >= from) before.to = to;
    else spans.push({ from, to });
  }
  for (const i of sorted) if (input.times[i]! > 1 && overlapsAny(spans, first[i]!, input.last[i]!)) marked.add(i);
  return marked.size === 0 ? null : { source, connections: [...marked], targets: most };
}

/** When a source scanned. Spans of one source are in order and apart. */
interface Span {
  readonly from: number;
  to: number;
}

function overlapsAny(spans: readonly Span[], first: number, last: number): boolean {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle]!.to < first) low = middle + 1;
    else high = middle;
  }
  return low < spans.length && spans[low]!.from <= last;
}

/** Index of a connection → its target, for those that count. */
function targetsOf(
  { destination, service, isAnswered, times: counts, isUnknown, familyOf }: ScanInput,
  { minConnections }: ScanOptions,
  isServer: boolean,
  indexes: readonly number[],
): Map<number, number> {
  const targetOf = (i: number): number => destination[i]! * 0x200_0000 + familyOf(service[i]!);
  const times = new Map<number, number>();
  for (const i of indexes) times.set(targetOf(i), (times.get(targetOf(i)) ?? 0) + counts[i]!);
  const targets = new Map<number, number>();
  for (const i of indexes) {
    const answered = isAnswered[i] ?? null;
    if (answered === true) continue;
    const target = targetOf(i);
    const isReturned = times.get(target)! >= minConnections && !isUnknown(destination[i]!);
    if (answered === false) targets.set(i, target);
    else if (isServer) targets.set(i, -1 - familyOf(service[i]!));
    else if (!isReturned) targets.set(i, target);
  }
  return targets;
}
