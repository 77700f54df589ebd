/** What one line would do: the elements that it covers, by number, and how gladly it is taken among its like. */
export interface Candidate {
  /** In rising order. */
  readonly elements: readonly number[];
  /** Lower is better, among candidates that cover the same. */
  readonly rank: number;
}

export interface Cover {
  /** Numbers of candidates, in rising order. */
  readonly chosen: readonly number[];
  /** No cover has fewer. False where the search was given up. */
  readonly isFewest: boolean;
}

/** Choices that are tried per group of candidates that have to do with each other. */
const mostSteps = 50_000;

/**
 * The fewest candidates that cover each element that any of them covers. Which elements a candidate covers is not judged here: none of them
 * is broader than may be.
 *
 * Groups that share no element are solved apart; each by branching on the element that fewest candidates cover, from a greedy cover on.
 */
export function fewestCandidates(candidates: readonly Candidate[], steps = mostSteps): Cover {
  const useful = withoutDominated(candidates);
  const chosen: number[] = [];
  let isFewest = true;
  for (const group of groupsOf(candidates, useful)) {
    const search = new CoverSearch(candidates, group, steps);
    chosen.push(...search.best);
    isFewest &&= search.isComplete;
  }
  return { chosen: chosen.sort((a, b) => a - b), isFewest };
}

/** Candidates that no other one replaces: of those that cover the same, the first by rank. */
function withoutDominated(candidates: readonly Candidate[]): number[] {
  const holders = holdersOf(candidates, candidates.keys());
  const sets = candidates.map(({ elements }) => new Set(elements));
  return [...candidates.keys()].filter((i) => {
    const { elements, rank } = candidates[i]!;
    if (elements.length === 0) return false;
    const rarest = elements.map((element) => holders.get(element)!).reduce((a, b) => (b.length < a.length ? b : a));
    return !rarest.some((j) => {
      const other = candidates[j]!;
      if (j === i || other.elements.length < elements.length) return false;
      if (!elements.every((element) => sets[j]!.has(element))) return false;
      return other.elements.length > elements.length || other.rank < rank || (other.rank === rank && j < i);
    });
  });
}

function holdersOf(candidates: readonly Candidate[], among: Iterable<number>): Map<number, number[]> {
  const holders = new Map<number, number[]>();
  for (const i of among) {
    for (const element of candidates[i]!.elements) {
      const known = holders.get(element);
      if (known) known.push(i);
      else holders.set(element, [i]);
    }
  }
  return holders;
}

function groupsOf(candidates: readonly Candidate[], among: readonly number[]): number[][] {
  const holders = holdersOf(candidates, among);
  const grouped = new Set<number>();
  const groups: number[][] = [];
  for (const start of among) {
    if (grouped.has(start)) continue;
    grouped.add(start);
    const group = [start];
    for (const i of group) {
      for (const element of candidates[i]!.elements) {
        for (const j of holders.get(element)!) {
          if (grouped.has(j)) continue;
          grouped.add(j);
          group.push(j);
        }
        // All of them are in the group now.
        holders.set(element, []);
      }
    }
    groups.push(group.sort((a, b) => a - b));
  }
  return groups;
}

class CoverSearch {
  best: number[];
  isComplete = true;
  private readonly holders: ReadonlyMap<number, readonly number[]>;
  private readonly widest: number;
  private left: number;

  constructor(
    private readonly candidates: readonly Candidate[],
    group: readonly number[],
    steps: number,
  ) {
    this.left = steps;
    this.holders = holdersOf(candidates, group);
    this.widest = Math.max(...group.map((i) => candidates[i]!.elements.length));
    this.best = this.greedy(group);
    this.branch([], new Set(this.holders.keys()));
  }

  /** The one that covers most of what is left, over and over; then those that turned out to be needless go. */
  private greedy(group: readonly number[]): number[] {
    const open = new Set(this.holders.keys());
    const taken: number[] = [];
    while (open.size > 0) {
      let most = 0;
      let next = group[0]!;
      for (const i of group) {
        const gain = this.candidates[i]!.elements.reduce((sum, element) => sum + (open.has(element) ? 1 : 0), 0);
        if (gain <= most) continue;
        most = gain;
        next = i;
      }
      taken.push(next);
      for (const element of this.candidates[next]!.elements) open.delete(element);
    }
    return this.withoutNeedless(taken);
  }

  private withoutNeedless(taken: readonly number[]): number[] {
    const count = new Map<number, number>();
    const add = (i: number, step: number): void => {
      for (const element of this.candidates[i]!.elements) count.set(element, (count.get(element) ?? 0) + step);
    };
    for (const i of taken) add(i, 1);
    return taken.filter((i) => {
      if (!this.candidates[i]!.elements.every((element) => count.get(element)! > 1)) return true;
      add(i, -1);
      return false;
    });
  }

  private branch(taken: readonly number[], open: ReadonlySet<number>): void {
    if (open.size === 0) {
      if (taken.length < this.best.length) this.best = [...taken];
      return;
    }
    if (taken.length + Math.ceil(open.size / this.widest) >= this.best.length) return;
    if (this.left-- <= 0) {
      this.isComplete = false;
      return;
    }
    let choices: readonly number[] | null = null;
    for (const element of open) {
      const holders = this.holders.get(element)!;
      if (!choices || holders.length < choices.length) choices = holders;
      if (choices.length === 1) break;
    }
    for (const i of choices!) {
      const rest = new Set(open);
      for (const element of this.candidates[i]!.elements) rest.delete(element);
      this.branch([...taken, i], rest);
    }
  }
}
