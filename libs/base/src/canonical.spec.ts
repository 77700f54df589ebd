import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, deepFreeze, sha256 } from './canonical.js';

/** The same value with the members of its objects in the opposite order. */
function turn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turn);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, turn(member)]),
  );
}

describe('canonicalJson', () => {
  it.each([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: { d: undefined } }, '{"b":{}}'],
    [[undefined, 1], '[null,1]'],
    [{ 10: 'a', 9: 'b' }, '{"10":"a","9":"b"}'],
    ['é\n"', '"é\\n\\""'],
    [undefined, 'null'],
  ])('of %j is %s', (value, text) => expect(canonicalJson(value)).toBe(text));

  it('is JSON of the same value, whatever the order of its members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
        expect(canonicalJson(turn(plain))).toBe(canonicalJson(plain));
      }),
    );
  });

  it('refuses a bigint', () => expect(() => canonicalJson({ a: 1n })).toThrow(TypeError));
});

it('sha256 is that of FIPS 180-4', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('deepFreeze freezes all levels', () => {
  const value = deepFreeze({ a: [{ b: 1 }] });
  expect(() => Object.assign(value.a[0]!, { b: 2 })).toThrow(TypeError);
});
