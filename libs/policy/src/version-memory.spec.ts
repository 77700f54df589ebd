import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByName, Successive } from './version-memory.js';

interface Item {
  readonly key: string;
  readonly line: number;
}

/** Lists of few keys, so that versions have much in common; the same item is the same object in all versions. */
const versions = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { maxLength: 9 }), {
  minLength: 1,
  maxLength: 5,
});

describe('Successive', () => {
  it('gives for each version what making all anew would give', () => {
    fc.assert(
      fc.property(versions, (lists) => {
        const items = new Map<string, Item>();
        const itemOf = (key: string, line: number): Item => {
          const name = `${key} ${line}`;
          const item = items.get(name) ?? { key, line };
          items.set(name, item);
          return item;
        };
        const plain = new Successive<Item, string>(({ key }) => key);
        const placed = new Successive<Item, string>(
          ({ key }) => key,
          ({ key, line }) => `${key}@${line}`,
        );
        for (const keys of lists) {
          const list = keys.map(itemOf);
          expect(plain.map(list, ({ key }) => key.toUpperCase())).toEqual(keys.map((key) => key.toUpperCase()));
          expect(placed.map(list, ({ key, line }) => `${key}@${line}`)).toEqual(keys.map((key, i) => `${key}@${i}`));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is asked for what an edit puts in, and for nothing else', () => {
    const known = new Successive<string, string>((text) => text);
    const asked: string[] = [];
    const make = (text: string): string => {
      asked.push(text);
      return text.toUpperCase();
    };
    for (const text of ['abcdefgh', 'abdefgh', 'abdexfgh', 'yabdxfgz']) known.map(text.split(''), make);
    expect(asked.join('')).toBe('abcdefghxyz');
  });

  it('asks again for what has no result', () => {
    const known = new Successive<string, number | undefined>((text) => text);
    let asked = 0;
    const make = (text: string): number | undefined => {
      asked++;
      return text === '?' ? undefined : text.length;
    };
    expect(known.map(['a', '?', 'b'], make)).toEqual([1, undefined, 1]);
    expect(known.map(['a', '?', 'b'], make)).toEqual([1, undefined, 1]);
    expect(asked).toBe(4);
  });
});

describe('ByName', () => {
  it('makes anew what changed', () => {
    const known = new ByName<string>();
    const make = (name: string, before: string | null): string => `${before ?? ''}${name}`;
    expect(known.update(['a', 'b'], new Set(), make)).toEqual(['a', 'b']);
    expect(known.update(['a', 'b'], new Set(['b', 'c']), make)).toEqual(['a', 'bb']);
  });
});
