import { describe, expect, it } from 'vitest';
import { UsageError } from './policy-files.js';
import { formatTime, formatTimeWithOffset, readSince, readTime } from './times.js';

const now = new Date(2026, 10, 24, 9, 30, 0);
const local = (day: number, hour: number, minute: number, second: number, ms: number): Date =>
  new Date(2026, 10, day, hour, minute, second, ms);

describe('times that people write', () => {
  it.each([
    ['03:12', local(24, 3, 12, 59, 999)],
    ['3:12', local(24, 3, 12, 59, 999)],
    ['03:12:07', local(24, 3, 12, 7, 0)],
    ['23:50', local(23, 23, 50, 59, 999)],
    ['2026-11-24T03:12', local(24, 3, 12, 59, 999)],
    ['2026-11-24 03:12:07', local(24, 3, 12, 7, 0)],
    ['2026-11-24T03:12:07.250', local(24, 3, 12, 7, 250)],
    ['2026-11-24T03:12Z', new Date('2026-11-24T03:12:59.999Z')],
    ['2026-11-24T03:12:00+01:00', new Date('2026-11-24T02:12:00Z')],
  ])('%s is %s', (text, expected) => {
    expect(readTime(text, now).toISOString()).toBe(expected.toISOString());
  });

  it.each(['yesterday', '25:00', '12:75', '', '2026-13-01T00:00'])('%j is refused', (text) => {
    expect(() => readTime(text, now)).toThrow(UsageError);
  });

  it.each([
    ['24h', 86_400_000],
    ['30m', 1_800_000],
    ['7d', 604_800_000],
  ])('since %s is %i milliseconds before', (text, milliseconds) => {
    expect(now.getTime() - readSince(text, now).getTime()).toBe(milliseconds);
  });

  it('are shown by the same clock', () => {
    const at = local(24, 3, 12, 7, 0).toISOString();
    expect(formatTime(at)).toBe('2026-11-24 03:12:07');
    expect(new Date(formatTimeWithOffset(at)).toISOString()).toBe(at);
  });
});
