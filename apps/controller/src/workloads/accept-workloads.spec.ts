import { addressSet, formatRange, hasAddress, parseAddress, parseRange, rangesOf } from '#net';
import type { KnownWorkloads } from '#policy';
import { describe, expect, it } from 'vitest';
import { acceptWorkloads, areSameWorkloads } from './accept-workloads.js';

/** `a: 10.0.0.1 10.0.0.2` */
const known = (...lines: string[]): KnownWorkloads =>
  new Map(
    lines.map((line) => {
      const [key = '', ...texts] = line.split(/:$|:? /).filter((text) => text !== '');
      return [key, addressSet(texts.map((text) => parseRange(text)!))];
    }),
  );
const lines = (of: KnownWorkloads): string[] =>
  [...of].map(([key, addresses]) => [`${key}:`, ...rangesOf(addresses).map(formatRange)].join(' '));

/** Does not hold with this address anywhere. */
const without = (address: string) => (some: KnownWorkloads) =>
  Promise.resolve(![...some.values()].some((addresses) => hasAddress(addresses, parseAddress(address)!)));

describe('addresses that clusters tell', () => {
  it.each<[string, KnownWorkloads, KnownWorkloads, string[], string[]]>([
    ['are taken where the policy holds', known(), known('a: 10.0.0.1', 'b:'), ['a: 10.0.0.1', 'b:'], []],
    ['are not taken where it does not', known(), known('a: 10.0.0.9'), ['a:'], ['a']],
    [
      'are taken of one service, and not of the other',
      known(),
      known('a: 10.0.0.9', 'b: 10.0.0.2'),
      ['a:', 'b: 10.0.0.2'],
      ['a'],
    ],
    [
      'leave those that stay when what is new is not taken',
      known('a: 10.0.0.1 10.0.0.5'),
      known('a: 10.0.0.1 10.0.0.9'),
      ['a: 10.0.0.1'],
      ['a'],
    ],
  ])('%s', async (_, before, told, expected, refused) => {
    const accepted = await acceptWorkloads(before, told, without('10.0.0.9'));
    expect(lines(accepted.known)).toEqual(expected);
    expect(accepted.refused).toEqual(refused);
  });

  it('are taken away without asking whether the policy holds', async () => {
    const never = () => Promise.reject(new Error('asked'));
    const { known: left } = await acceptWorkloads(
      known('a: 10.0.0.1 10.0.0.3', 'b: 10.0.0.2'),
      known('a: 10.0.0.3'),
      never,
    );
    expect(lines(left)).toEqual(['a: 10.0.0.3']);
  });

  it('are the same when each service has the same', () => {
    expect(areSameWorkloads(known('a: 10.0.0.1', 'b:'), known('b:', 'a: 10.0.0.1'))).toBe(true);
    for (const other of [known('a: 10.0.0.1'), known('a: 10.0.0.2', 'b:'), known('a: 10.0.0.1', 'c:')])
      expect(areSameWorkloads(known('a: 10.0.0.1', 'b:'), other)).toBe(false);
  });
});
