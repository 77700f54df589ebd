import fc from 'fast-check';
import { serviceAlgebra } from '#net';
import { describe, expect, it } from 'vitest';
import { DestinationSweep } from './destination-sweep.js';

const names = ['a', 'b', 'c', 'd'];
const last = 20;
const interval = fc
  .tuple(fc.nat({ max: last }), fc.nat({ max: 6 }))
  .map(([first, more]) => ({ first, last: Math.min(last, first + more) }));
const objectPlaces = fc.array(
  fc.array(interval, { maxLength: 3 }).map((list) => serviceAlgebra.normalize(list)),
  {
    minLength: names.length,
    maxLength: names.length,
  },
);
const someRules = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 8 });
const subsets = fc.array(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 4 });

/** Every set of rules that meet somewhere, by asking each place. */
function setsByPlace(
  rules: readonly number[],
  covers: (rule: number, place: number) => boolean,
): Map<string, number[]> {
  const sets = new Map<string, number[]>();
  for (let place = 0; place <= last; place++) {
    const met = rules.filter((rule) => covers(rule, place)).join();
    if (met !== '') sets.set(met, [...(sets.get(met) ?? []), place]);
  }
  return sets;
}

describe('a sweep over destinations', () => {
  it.each<[string, ((value: number) => number) | undefined]>([
    ['as it is', undefined],
    // Then only the comparison tells sets apart.
    ['though all sets have the same number', () => 0],
    ['though many sets have the same number', (value) => value & 1],
  ])('finds each set of rules once, at a place of it, %s', (_, spread) => {
    fc.assert(
      fc.property(objectPlaces, someRules, subsets, (lists, objects, picks) => {
        const rules = objects.map((object) => ({ object }));
        const placesOf = (name: string) => lists[names.indexOf(name)]!;
        const everywhere = [{ first: 0, last }];
        const sides = { placesOf, ofFamily: { 4: everywhere, 6: [] } };
        const sweep = new DestinationSweep(rules, sides, 4, spread);
        const expected = new Set<string>();
        const found: string[] = [];
        for (const pick of picks) {
          const asked = [...rules.keys()].filter((rule) => pick[rule]);
          const sets = setsByPlace(asked, (rule, place) => serviceAlgebra.contains(placesOf(objects[rule]!), place));
          sweep.sweep(asked, (met, place) => {
            found.push(met.join());
            expect(sets.get(met.join())).toContain(place);
          });
          for (const set of sets.keys()) expected.add(set);
        }
        expect(found.toSorted()).toEqual([...expected].sort());
      }),
      { numRuns: 300 },
    );
  });
});
