import { describe, expect, it } from 'vitest';
import { RandomOctets } from './random-octets.js';

describe('random octets', () => {
  it('are never given twice, and are as many as were asked for', () => {
    const random = new RandomOctets();
    const given = Array.from({ length: 5000 }, () => random.next(16));
    expect(new Set(given.map((octets) => octets.toString('hex'))).size).toBe(5000);
    expect(given.every(({ length }) => length === 16)).toBe(true);
    expect(given.some((octets) => octets.equals(Buffer.alloc(16)))).toBe(false);
  });

  it('do not change once they are given', () => {
    const random = new RandomOctets();
    const first = random.next(32);
    const copy = Buffer.from(first);
    for (let i = 0; i < 1000; i++) random.next(48);
    expect(first).toEqual(copy);
  });
});
