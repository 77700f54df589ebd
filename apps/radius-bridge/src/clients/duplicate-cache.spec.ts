import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Source } from '../transport/source.js';
import { DuplicateCache } from './duplicate-cache.js';

const bytes = (value: number): Buffer => Buffer.alloc(16, value);
const a: Source = { address: '10.0.0.1', port: 1812 };

describe('duplicate cache', () => {
  it('answers a duplicate with the very bytes of the first reply, whatever becomes of the buffer', () => {
    const cache = new DuplicateCache(10);
    const reply = Buffer.from('reply');
    expect(cache.begin(a, 1, bytes(1), 0)).toBe('new');
    cache.finish(a, 1, bytes(1), reply);
    reply.fill(0);
    expect(cache.begin(a, 1, bytes(1), 9_999)).toEqual(Buffer.from('reply'));
  });

  it('drops a duplicate of a request in progress', () => {
    const cache = new DuplicateCache(10);
    cache.begin(a, 1, bytes(1), 0);
    expect(cache.begin(a, 1, bytes(1), 1)).toBe('in-progress');
  });

  it('purges the entry when a request with another authenticator comes', () => {
    const cache = new DuplicateCache(10);
    cache.begin(a, 1, bytes(1), 0);
    cache.finish(a, 1, bytes(1), Buffer.from('old'));
    expect(cache.begin(a, 1, bytes(2), 1)).toBe('new');
    expect(cache.begin(a, 1, bytes(1), 2)).toBe('new');
  });

  it('does not give a late reply to the request that took its place', () => {
    const cache = new DuplicateCache(10);
    cache.begin(a, 1, bytes(1), 0);
    cache.begin(a, 1, bytes(2), 1);
    cache.finish(a, 1, bytes(1), Buffer.from('late'));
    expect(cache.begin(a, 1, bytes(2), 2)).toBe('in-progress');
  });

  it('forgets after ten seconds, and at once when the request was dropped', () => {
    const cache = new DuplicateCache(10);
    cache.begin(a, 1, bytes(1), 0);
    cache.finish(a, 1, bytes(1), Buffer.from('reply'));
    expect(cache.begin(a, 1, bytes(1), 10_000)).toBe('new');
    cache.finish(a, 1, bytes(1), null);
    expect(cache.begin(a, 1, bytes(1), 10_001)).toBe('new');
  });

  it('tells identifiers, ports, addresses and receiving sockets apart', () => {
    const cache = new DuplicateCache(10);
    const requests: [Source, number][] = [
      [a, 1],
      [a, 2],
      [{ ...a, port: 1813 }, 1],
      [{ ...a, address: '10.0.0.2' }, 1],
      [{ ...a, via: 1 }, 1],
      [{ ...a, via: 257 }, 1],
    ];
    for (const [source, id] of requests) expect(cache.begin(source, id, bytes(1), 0)).toBe('new');
    for (const [i, [source, id]] of requests.entries()) cache.finish(source, id, bytes(1), Buffer.from(`${i}`));
    for (const [i, [source, id]] of requests.entries())
      expect(cache.begin({ ...source }, id, bytes(1), 1)).toEqual(Buffer.from(`${i}`));
  });

  it('keeps replies of every length, also when they are more than a slab holds', () => {
    const cache = new DuplicateCache(1000);
    const replyOf = (i: number): Buffer => Buffer.alloc(20 + ((i * 37) % 4076), i);
    for (let i = 0; i < 1000; i++) {
      const source = { ...a, port: 1000 + (i >> 8) };
      cache.begin(source, i & 255, bytes(i & 255), 0);
      cache.finish(source, i & 255, bytes(i & 255), replyOf(i));
    }
    for (let i = 0; i < 1000; i++)
      expect(cache.begin({ ...a, port: 1000 + (i >> 8) }, i & 255, bytes(i & 255), 1)).toEqual(replyOf(i));
  });

  it('is equal to the naive cache for any history, and bounded', () => {
    const sources = [a, { ...a, port: 1813 }, { ...a, address: '10.0.0.2' }, { ...a, via: 7 }];
    const step = fc.record({
      key: fc.nat(15),
      authenticator: fc.integer({ min: 0, max: 2 }),
      answer: fc.constantFrom('reply', 'drop', 'wait'),
      wait: fc.integer({ min: 0, max: 3_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const [cache, small] = [new DuplicateCache(1000), new DuplicateCache(3)];
        const naive = new Map<number, { authenticator: number; at: number; reply: Buffer | null }>();
        let now = 0;
        for (const { key, authenticator, answer, wait } of steps) {
          now += wait;
          const [source, id] = [sources[key & 3]!, key >> 2];
          const known = naive.get(key);
          const isKnown = known && known.authenticator === authenticator && now - known.at < 10_000;
          const expected = isKnown ? (known.reply ?? 'in-progress') : 'new';
          expect(cache.begin(source, id, bytes(authenticator), now)).toEqual(expected);
          small.begin(source, id, bytes(authenticator), now);
          expect(small.size).toBeLessThanOrEqual(3);
          if (isKnown) continue;
          const reply = answer === 'reply' ? Buffer.from(`${now} ${key}`) : null;
          if (answer !== 'wait') for (const one of [cache, small]) one.finish(source, id, bytes(authenticator), reply);
          if (answer === 'drop') naive.delete(key);
          else naive.set(key, { authenticator, at: now, reply });
        }
      }),
    );
  });

  it('gives back what it took for addresses whose requests are over', () => {
    const cache = new DuplicateCache(1000);
    for (let i = 0; i < 5000; i++) cache.begin({ ...a, address: `10.0.${i >> 8}.${i & 255}` }, 1, bytes(1), i * 100);
    expect(cache.size).toBeLessThanOrEqual(101);
    expect(cache.addresses).toBe(cache.size);
  });
});
