import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverOf } from './cover.js';

describe('a cover', () => {
  it.each<[string, number[][], number[]]>([
    ['of nothing is empty', [], []],
    ['takes what is in all lists', [[1, 2], [2, 3], [2]], [2]],
    ['takes the lower number on a tie', [[4, 3]], [3]],
    // 1 is in most lists and is chosen first, but 2 and 3 are needed anyhow and do without it.
    ['leaves out what later choices make spare', [[2], [1, 2], [1, 2], [1, 3], [1, 3], [3]], [2, 3]],
  ])('%s', (_, lists, cover) => {
    expect(coverOf(lists)).toEqual(cover);
  });

  it('has one of each list, and needs each of its numbers', () => {
    const list = fc.uniqueArray(fc.nat({ max: 8 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(list, { maxLength: 12 }), (lists) => {
        const cover = coverOf(lists);
        const covers = (numbers: readonly number[]): boolean =>
          lists.every((each) => each.some((number) => numbers.includes(number)));
        expect(covers(cover)).toBe(true);
        for (const number of cover) expect(covers(cover.filter((each) => each !== number))).toBe(false);
      }),
    );
  });
});
