import type { NftRule, NftStatement } from '#drivers';
import { describe, expect, it } from 'vitest';
import { mergeNeighbours } from './merge-rules.js';

const to = (...values: number[]): NftStatement => ({
  kind: 'match',
  field: { kind: 'address', family: 4, side: 'daddr' },
  values: values.map((value) => ({ first: BigInt(value), last: BigInt(value) })),
});
const port = (...values: number[]): NftStatement => ({
  kind: 'match',
  field: { kind: 'port', protocol: 6 },
  values: values.map((value) => ({ first: BigInt(value), last: BigInt(value) })),
});
const drop: NftStatement = { kind: 'drop' };
const accept: NftStatement = { kind: 'accept' };
const rule = (...statements: NftStatement[]): NftRule => ({ comment: null, statements });

describe('neighbours of one effect', () => {
  it.each<[string, NftRule[], NftRule[]]>([
    [
      'differ in one match: one rule',
      [rule(to(1), drop), rule(to(5), drop), rule(to(9), drop)],
      [rule(to(1, 5, 9), drop)],
    ],
    [
      'are all pairs of two matches: one rule',
      [1, 5].flatMap((address) => [22, 80].map((number) => rule(to(address), port(number), drop))),
      [rule(to(1, 5), port(22, 80), drop)],
    ],
    [
      'are some pairs only: no more than there were',
      [rule(to(1), port(22), drop), rule(to(5), port(80), drop)],
      [rule(to(1), port(22), drop), rule(to(5), port(80), drop)],
    ],
    [
      'do something else: two rules',
      [rule(to(1), drop), rule(to(5), accept)],
      [rule(to(1), drop), rule(to(5), accept)],
    ],
    [
      'have another between: three',
      [rule(to(1), drop), rule(accept), rule(to(5), drop)],
      [rule(to(1), drop), rule(accept), rule(to(5), drop)],
    ],
    [
      'look at different fields: two',
      [rule(to(1), drop), rule(port(1), drop)],
      [rule(to(1), drop), rule(port(1), drop)],
    ],
    ['have no match in one of them: two', [rule(to(1), drop), rule(drop)], [rule(to(1), drop), rule(drop)]],
  ])('%s', (_, rules, merged) => {
    expect(mergeNeighbours(rules)).toEqual(merged);
  });
});
