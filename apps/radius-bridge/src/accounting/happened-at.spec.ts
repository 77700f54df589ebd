import type { AccountingRecord } from '#radius';
import { describe, expect, it } from 'vitest';
import { beganAt, happenedAt } from './happened-at.js';

const now = Date.parse('2026-11-24T12:00:00Z');
const record = (over: Partial<AccountingRecord>): AccountingRecord => ({
  status: 'stop',
  sessionId: 'A',
  multiSessionId: null,
  inputOctets: 0,
  outputOctets: 0,
  sessionTime: null,
  terminateCause: null,
  delay: 0,
  eventTimestamp: null,
  classes: [],
  ...over,
});
const stamp = (seconds: number): Date => new Date(now + seconds * 1000);

describe('when a record happened', () => {
  it.each<[string, Partial<AccountingRecord>, number]>([
    ['without a word of it: now', {}, 0],
    ['Acct-Delay-Time counts back', { delay: 90 }, -90],
    ['Event-Timestamp', { eventTimestamp: stamp(-40) }, -40],
    ['both: Acct-Delay-Time, which needs no clock', { delay: 90, eventTimestamp: stamp(-4000) }, -90],
    ['a clock that is a little ahead', { eventTimestamp: stamp(200) }, 0],
    ['a clock that is far ahead', { eventTimestamp: stamp(90_000) }, 0],
    ['a clock that was never set', { eventTimestamp: new Date('1993-03-01T00:01:00Z') }, 0],
    ['a delay of years', { delay: 0xffff_ffff }, 0],
    ['a record that waited for five days', { eventTimestamp: stamp(-432_000) }, -432_000],
  ])('%s', (_, over, seconds) => {
    expect(happenedAt(record(over), now) - now).toBe(seconds * 1000);
  });

  it.each<[string, Partial<AccountingRecord>, number]>([
    ['Acct-Session-Time before the record', { sessionTime: 3600, delay: 60 }, -3660],
    ['at the record when the NAS does not say', { delay: 60 }, -60],
    ['at the record when the time is absurd', { sessionTime: 0xffff_ffff }, 0],
  ])('a session that is first heard of here began %s', (_, over, seconds) => {
    expect(beganAt(record(over), now) - now).toBe(seconds * 1000);
  });
});
