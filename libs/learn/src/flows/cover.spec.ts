import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fewestCandidates, type Candidate } from './cover.js';

const of = (elements: readonly number[], rank = 0): Candidate => ({ elements, rank });

/** The size of a smallest cover, by trying every choice. */
function bruteForce(candidates: readonly Candidate[]): number {
  const all = new Set(candidates.flatMap(({ elements }) => elements));
  let least = candidates.length;
  for (let choice = 0; choice < 1 << candidates.length; choice++) {
    const taken = candidates.filter((_, i) => (choice & (1 << i)) !== 0);
    if (taken.length >= least) continue;
    if (new Set(taken.flatMap(({ elements }) => elements)).size === all.size) least = taken.length;
  }
  return least;
}

const candidates = fc.array(
  fc
    .uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 })
    .map((elements) => of(elements.sort((a, b) => a - b))),
  { minLength: 1, maxLength: 11 },
);

describe('the fewest candidates', () => {
  it('cover every element, and no choice has fewer', () => {
    fc.assert(
      fc.property(candidates, (given) => {
        const { chosen, isFewest } = fewestCandidates(given);
        const covered = new Set(chosen.flatMap((i) => given[i]!.elements));
        expect(covered).toEqual(new Set(given.flatMap(({ elements }) => elements)));
        expect(isFewest).toBe(true);
        expect(chosen).toHaveLength(bruteForce(given));
      }),
      { numRuns: 500 },
    );
  });

  it('cover every element when the search is given up, too, and say so', () => {
    const given = [of([0, 1, 2, 3]), of([0, 4]), of([1, 5]), of([2, 6]), of([3, 7])];
    expect(fewestCandidates(given)).toEqual({ chosen: [1, 2, 3, 4], isFewest: true });
    const hurried = fewestCandidates(given, 0);
    expect(hurried.isFewest).toBe(false);
    expect(new Set(hurried.chosen.flatMap((i) => given[i]!.elements)).size).toBe(8);
  });

  it('are those of the lower rank among the same', () => {
    expect(fewestCandidates([of([1, 2], 3), of([1, 2], 1), of([1, 2], 2)]).chosen).toEqual([1]);
  });

  it('are none of none', () => {
    expect(fewestCandidates([of([])])).toEqual({ chosen: [], isFewest: true });
  });
});
