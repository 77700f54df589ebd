import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalTables, type Entry } from './interval-tables.js';

const top = 0xffff_ffff;
const place = fc.oneof(fc.nat(40), fc.integer({ min: top - 20, max: top }), fc.integer({ min: 0, max: top }));
/** Disjoint, some of them adjacent, up or down: pairs of places are their ends. */
const entries = fc
  .record({ places: fc.uniqueArray(place, { maxLength: 24 }), isDown: fc.boolean() })
  .map(({ places, isDown }) => {
    const ends = places.toSorted((a, b) => a - b);
    const list: Entry<number>[] = [];
    for (let i = 0; i + 1 < ends.length; i += 2)
      list.push({ first: ends[i]!, last: ends[i + 1]!, value: 1 + (ends[i]! % 3) });
    return isDown ? list.reverse() : list;
  });

describe('tables of intervals', () => {
  it('have the value of the interval that holds a place, else 0, each table for itself', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 5 }), fc.array(place, { maxLength: 20 }), (lists, places) => {
        const tables = new IntervalTables();
        const numbers = lists.map((list) => tables.add(list));
        for (const [i, list] of lists.entries()) {
          const borders = list.flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
          for (const at of [0, top, ...places, ...borders.filter((border) => border >= 0 && border <= top)]) {
            const holder = list.find(({ first, last }) => first <= at && at <= last);
            expect(tables.find(numbers[i]!, at)).toBe(holder?.value ?? 0);
          }
        }
      }),
    );
  });

  it('have an empty one from the start, to which nothing leads on', () => {
    const tables = new IntervalTables();
    expect(tables.find(0, 0)).toBe(0);
    expect(tables.find(0, top)).toBe(0);
    expect(tables.add([{ first: 3, last: 3, value: 1 }])).toBeGreaterThan(0);
  });
});
