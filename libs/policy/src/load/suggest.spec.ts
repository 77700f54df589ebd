import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, suggest } from './suggest.js';

/** Edits by the textbook: insert, remove, replace, swap of neighbours. */
function distance(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(table[i - 1]![j]! + 1, table[i]![j - 1]! + 1, table[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, table[i - 2]![j - 2]! + 1);
      table[i]![j] = best;
    }
  return table[a.length]![b.length]!;
}

describe('suggest', () => {
  const known = ['infusion-pump', 'syringe-pump', 'ct-scanner', 'main', 'any'];

  it.each([
    ['infusion-pmup', 'infusion-pump'],
    ['infusion_pump', 'infusion-pump'],
    ['ct-scaner', 'ct-scanner'],
    ['mian', 'main'],
    ['ventilator', null],
    ['', null],
  ])('for %s: %s', (name, expected) => expect(suggest(name, known)).toBe(expected));

  it('finds the nearest, and of equally near ones the first by name, in any order', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 8 }), (name, words) => {
        const limit = Math.max(2, Math.floor(name.length / 3));
        const ranked = words
          .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
          .filter(({ edits }) => edits <= limit)
          .sort((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1));
        expect(suggest(name, words)).toBe(ranked[0]?.candidate ?? null);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says what else to do', () => {
    expect(didYouMean('mian', known, 'declare it')).toBe('did you mean `main`? Otherwise declare it');
    expect(didYouMean('ventilator', known, 'declare it')).toBe('declare it');
  });
});
