import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateCache, duplicateKey } from './duplicate-cache.js';

const bytes = (value: number): Buffer => Buffer.alloc(16, value);

describe('duplicate cache', () => {
  it('answers a duplicate with the very bytes of the first reply', () => {
    const cache = new DuplicateCache(10);
    const reply = Buffer.from('reply');
    expect(cache.begin('a', bytes(1), 0)).toBe('new');
    cache.finish('a', bytes(1), reply);
    expect(cache.begin('a', bytes(1), 9_999)).toBe(reply);
  });

  it('drops a duplicate of a request in progress', () => {
    const cache = new DuplicateCache(10);
    cache.begin('a', bytes(1), 0);
    expect(cache.begin('a', bytes(1), 1)).toBe('in-progress');
  });

  it('purges the entry when a request with another authenticator comes', () => {
    const cache = new DuplicateCache(10);
    cache.begin('a', bytes(1), 0);
    cache.finish('a', bytes(1), Buffer.from('old'));
    expect(cache.begin('a', bytes(2), 1)).toBe('new');
    expect(cache.begin('a', bytes(1), 2)).toBe('new');
  });

  it('does not give a late reply to the request that took its place', () => {
    const cache = new DuplicateCache(10);
    cache.begin('a', bytes(1), 0);
    cache.begin('a', bytes(2), 1);
    cache.finish('a', bytes(1), Buffer.from('late'));
    expect(cache.begin('a', bytes(2), 2)).toBe('in-progress');
  });

  it('forgets after ten seconds, and at once when the request was dropped', () => {
    const cache = new DuplicateCache(10);
    cache.begin('a', bytes(1), 0);
    cache.finish('a', bytes(1), Buffer.from('reply'));
    expect(cache.begin('a', bytes(1), 10_000)).toBe('new');
    cache.finish('a', bytes(1), null);
    expect(cache.begin('a', bytes(1), 10_001)).toBe('new');
  });

  it('tells identifiers, ports, addresses and receiving sockets apart', () => {
    const keys = [
      duplicateKey({ address: '10.0.0.1', port: 1812 }, 1),
      duplicateKey({ address: '10.0.0.1', port: 1812 }, 2),
      duplicateKey({ address: '10.0.0.1', port: 1813 }, 1),
      duplicateKey({ address: '10.0.0.2', port: 1812 }, 1),
      duplicateKey({ address: '10.0.0.1', port: 1812, via: 1 }, 1),
    ];
    expect(new Set(keys).size).toBe(5);
  });

  it('is equal to the naive cache for any history, and bounded', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      authenticator: fc.integer({ min: 0, max: 2 }),
      answer: fc.constantFrom('reply', 'drop', 'wait'),
      wait: fc.integer({ min: 0, max: 6_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new DuplicateCache(100);
        const small = new DuplicateCache(2);
        const naive: { key: string; authenticator: number; at: number; reply: Buffer | null }[] = [];
        let now = 0;
        for (const { key, authenticator, answer, wait } of steps) {
          now += wait;
          const latest = naive.findLast((entry) => entry.key === key);
          const valid = latest && latest.authenticator === authenticator && now - latest.at < 10_000 ? latest : null;
          const expected = valid ? (valid.reply ?? 'in-progress') : 'new';
          expect(cache.begin(key, bytes(authenticator), now)).toBe(expected);
          small.begin(key, bytes(authenticator), now);
          expect(small.size).toBeLessThanOrEqual(2);
          if (expected !== 'new') continue;
          const reply = answer === 'reply' ? Buffer.from(`${now}`) : null;
          if (answer !== 'wait') cache.finish(key, bytes(authenticator), reply);
          if (answer === 'drop') naive.splice(0, naive.length, ...naive.filter((entry) => entry.key !== key));
          else naive.push({ key, authenticator, at: now, reply });
        }
      }),
    );
  });
});
