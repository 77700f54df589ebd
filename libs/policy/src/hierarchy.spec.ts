import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Hierarchy } from './hierarchy.js';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const links = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 12 });

/** Fewest links by trying all chains of growing length. */
function naiveDistance(all: readonly (readonly [string, string])[], from: string, to: string): number | undefined {
  let reached = new Set([from]);
  for (let steps = 0; steps <= names.length; steps++) {
    if (reached.has(to)) return steps;
    reached = new Set(all.filter(([child]) => reached.has(child)).map(([, parent]) => parent));
  }
  return undefined;
}

describe('a hierarchy', () => {
  it('agrees with a search along all chains, cycles included', () => {
    fc.assert(
      fc.property(links, (all) => {
        const tree = new Hierarchy(all);
        for (const from of names) {
          for (const to of names) {
            const expected = naiveDistance(all, from, to);
            expect(tree.distances(from).get(to)).toBe(expected);
            expect(tree.belongs(from, to)).toBe(expected !== undefined);
            expect(tree.members(to).includes(from)).toBe(expected !== undefined);
          }
        }
      }),
    );
  });

  it('gives a chain of links that exist, or none', () => {
    fc.assert(
      fc.property(links, (all) => {
        const tree = new Hierarchy(all);
        for (const from of names) {
          for (const to of names) {
            const path = tree.path(from, to);
            if (!tree.belongs(from, to)) expect(path).toBeNull();
            for (const [i, name] of (path ?? []).slice(1).entries()) expect(tree.parents(path![i]!)).toContain(name);
            if (path) expect([path[0], path.at(-1)]).toEqual([from, to]);
            if (tree.belongs(from, to)) expect(path).toHaveLength(tree.distances(from).get(to)! + 1);
          }
        }
      }),
    );
  });

  it('names the nearest ancestors first', () => {
    const tree = new Hierarchy([
      ['pump', 'medical'],
      ['pump', 'infusion'],
      ['infusion', 'bedside'],
      ['medical', 'device'],
      ['bedside', 'device'],
    ]);
    expect(tree.ancestors('pump')).toEqual(['infusion', 'medical', 'bedside', 'device']);
    expect(tree.children('device')).toEqual(['medical', 'bedside']);
    expect(tree.members('nobody')).toEqual(['nobody']);
  });
});
