import { describe, expect, it } from 'vitest';
import type { RuleCounter } from '#drivers';
import { RuleCounts, type KeptCount } from './rule-counts.js';

function setUp() {
  let kept: readonly KeptCount[] = [];
  const clock = { seconds: 0, now: () => new Date(clock.seconds * 1000) };
  const store = {
    load: () => Promise.resolve([...kept]),
    save: (_: string, counts: readonly KeptCount[]) => {
      kept = counts;
      return Promise.resolve();
    },
  };
  return { clock, start: () => new RuleCounts('fw1', store, clock) };
}

const reading = (...packets: readonly [id: string, packets: number][]): RuleCounter[] =>
  packets.map(([id, count]) => ({ id, packets: count, bytes: count * 100 }));
const packetsOf = (counts: RuleCounts) => counts.list().map(({ id, packets, bytes }) => [id, packets, bytes / 100]);

describe('RuleCounts', () => {
  it('adds what was counted since the reading before', async () => {
    const { start } = setUp();
    const counts = start();
    expect(counts.readAt).toBeNull();
    for (const packets of [3, 3, 10]) await counts.add(reading(['a', packets]));
    expect(packetsOf(counts)).toEqual([['a', 10, 10]]);
  });

  it('goes on when the rules are replaced, also when the new counters are beyond the old by the next reading', async () => {
    const { start } = setUp();
    const counts = start();
    await counts.add(reading(['a', 5], ['denied', 1]));
    await counts.restart();
    await counts.add(reading(['a', 9], ['denied', 0]));
    expect(packetsOf(counts)).toEqual([
      ['a', 14, 14],
      ['denied', 1, 1],
    ]);
  });

  it('takes a counter that went back for one that began anew', async () => {
    const { start } = setUp();
    const counts = start();
    await counts.add(reading(['a', 5]));
    await counts.add(reading(['a', 2]));
    expect(packetsOf(counts)).toEqual([['a', 7, 7]]);
  });

  it('goes on after a restart of the controller, and keeps since when it counts', async () => {
    const { clock, start } = setUp();
    await start().add(reading(['a', 5]));
    clock.seconds = 3600;
    const counts = start();
    await counts.add(reading(['a', 8], ['b', 2]));
    expect(counts.list()).toEqual([
      { id: 'a', since: '1970-01-01T00:00:00.000Z', packets: 8, bytes: 800 },
      { id: 'b', since: '1970-01-01T01:00:00.000Z', packets: 2, bytes: 200 },
    ]);
  });

  it('forgets a line that the device has no longer', async () => {
    const { start } = setUp();
    const counts = start();
    await counts.add(reading(['a', 5], ['b', 1]));
    await counts.add(reading(['b', 1]));
    expect(packetsOf(counts)).toEqual([['b', 1, 1]]);
  });
});
