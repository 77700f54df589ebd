import { describe, expect, it } from 'vitest';
import { DropCounts } from './drop-counts.js';

const at = (seconds: number): Date => new Date(Date.parse('2026-11-30T12:00:00Z') + seconds * 1000);

describe('dropped packets', () => {
  it('compares the time since with all the time before, at firewalls of these sites', () => {
    const counts = new DropCounts();
    const since = at(-1000).toISOString();
    counts.set('fw1', { site: 'main', packets: 2000, since, at: at(0) });
    counts.set('fw2', { site: 'north', packets: 5000, since, at: at(0) });
    const before = counts.baseline();
    expect(before['fw1']).toMatchObject({ packets: 2000, perSecond: 2 });
    counts.set('fw1', { site: 'main', packets: 3000, since, at: at(100) });
    counts.set('fw2', { site: 'north', packets: 9000, since, at: at(100) });
    expect(counts.compare(before, new Set(['main']))).toEqual({ before: 2, now: 10 });
    expect(counts.compare(before, new Set(['main', 'north']))).toEqual({ before: 7, now: 50 });
  });

  it('says nothing of a firewall that was not asked again, is new, or is elsewhere', () => {
    const counts = new DropCounts();
    counts.set('fw1', { site: 'main', packets: 2000, since: at(-1000).toISOString(), at: at(0) });
    const before = counts.baseline();
    counts.set('fw1', { site: 'main', packets: 9000, since: at(-1000).toISOString(), at: at(30) });
    counts.set('fw3', { site: 'main', packets: 9000, since: at(0).toISOString(), at: at(100) });
    expect(counts.compare(before, new Set(['main']))).toBeNull();
    counts.forget('fw1');
    expect(counts.compare(before, new Set(['north']))).toBeNull();
  });
});
