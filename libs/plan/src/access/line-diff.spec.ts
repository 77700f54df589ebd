import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diffLines } from './line-diff.js';

it.each([
  [['a', 'b'], ['a', 'b'], [], 0],
  [['a', 'b'], ['a', 'c', 'b'], ['+c'], 0],
  [['a', 'b'], ['b'], ['-a'], 0],
  [['a', 'b', 'c'], ['c', 'a', 'b'], [], 1],
  [['a'], ['a', 'a'], ['+a'], 0],
  [
    ['X = ip:inacl#1=permit a', 'X = ip:inacl#2=permit b'],
    ['X = ip:inacl#1=permit c', 'X = ip:inacl#2=permit a', 'X = ip:inacl#3=permit b'],
    ['+X = ip:inacl#1=permit c'],
    0,
  ],
])('%j -> %j', (before, after, lines, moved) => {
  const diff = diffLines(before, after);
  expect(diff.lines.map(({ sign, text }) => sign + text)).toEqual(lines);
  expect(diff.moved).toBe(moved);
});

it('turns the old lines into the new ones, but for their order', () => {
  const list = fc.array(fc.constantFrom<string>('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const { lines } = diffLines(before, after);
      const left = [...before];
      for (const { sign, text } of lines) {
        if (sign === '+') left.push(text);
        else left.splice(left.indexOf(text), 1);
      }
      expect(left.sort()).toEqual([...after].sort());
    }),
  );
});
