/**
 * A small set of numbers with one of each list in it (no list is empty): the one in most lists first. None of them can be
 * left out. Not always the smallest such set: finding that would take too long.
 */
export function coverOf(lists: readonly (readonly number[])[]): number[] {
  const chosen: number[] = [];
  for (let left = lists; left.length > 0;) {
    const next = mostFrequent(left);
    chosen.push(next);
    left = left.filter((list) => !list.includes(next));
  }
  return withoutSpare(chosen, lists).sort((a, b) => a - b);
}

/** The lower number on a tie, so that two runs answer alike. */
function mostFrequent(lists: readonly (readonly number[])[]): number {
  const counts = new Map<number, number>();
  for (const list of lists) for (const number of list) counts.set(number, (counts.get(number) ?? 0) + 1);
  let best = -1;
  for (const [number, count] of counts) {
    const most = counts.get(best) ?? 0;
    if (count > most || (count === most && number < best)) best = number;
  }
  return best;
}

/** What was chosen early may be covered by what came later. */
function withoutSpare(chosen: readonly number[], lists: readonly (readonly number[])[]): number[] {
  const kept = new Set(chosen);
  for (const number of chosen) {
    if (kept.size === 1) break;
    kept.delete(number);
    if (!lists.every((list) => list.some((each) => kept.has(each)))) kept.add(number);
  }
  return [...kept];
}
