import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberListMap } from './number-list-map.js';

describe('NumberListMap', () => {
  it('knows a list by its content', () => {
    const list = fc.array(fc.oneof(fc.nat(3), fc.nat(0x7fff_ffff)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(list, { maxLength: 200 }), (lists) => {
        const map = new NumberListMap<string>();
        const byText = new Map<string, string>();
        for (const [i, numbers] of lists.entries()) {
          const text = numbers.join();
          expect(map.get([...numbers])).toBe(byText.get(text));
          const value = map.getOrAdd(numbers, () => `${i}`);
          if (!byText.has(text)) byText.set(text, `${i}`);
          expect(value).toBe(byText.get(text));
        }
        for (const numbers of lists) expect(map.get(numbers)).toBe(byText.get(numbers.join()));
      }),
    );
  });

  it('tells lists of the same hash apart', () => {
    const map = new NumberListMap<number>();
    // More lists than there are hashes would take too long; many enough that some share one.
    const count = 200_000;
    for (let i = 0; i < count; i++) map.add([i, i * 7], i);
    for (let i = 0; i < count; i++) if (map.get([i, i * 7]) !== i) expect.fail(`list ${i} has another's value`);
    expect(map.get([0, 1])).toBeUndefined();
  });

  it('forgets all when it is full', () => {
    const map = new NumberListMap<string>(2);
    map.add([1], 'a');
    map.add([2], 'b');
    expect(map.get([1])).toBe('a');
    map.add([3], 'c');
    expect([map.get([1]), map.get([2]), map.get([3])]).toEqual([undefined, undefined, 'c']);
  });
});
