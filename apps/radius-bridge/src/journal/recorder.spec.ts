import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { Journal } from './journal.js';
import type { JournalOperation } from './messages.js';
import { Recorder } from './recorder.js';

const count = 1000;

/** Sessions that are there, and how often each was written. */
function recording() {
  const written = new Map<string, number>();
  const journal = {
    loaded: { lastSeq: 0 },
    spooled: 0,
    write: (operations: readonly JournalOperation[]) => {
      for (const operation of operations) {
        if (operation.kind !== 'session') continue;
        written.set(operation.id, (written.get(operation.id) ?? 0) + 1);
      }
    },
  };
  const { counters } = testParts(sampleSnapshot());
  const recorder = new Recorder(journal as unknown as Journal, counters, Date.now, () => undefined);
  const sessions = Array.from({ length: count }, (_, i) => {
    const session = { id: `${i}`, revision: 1, updatedAt: '' };
    return { session, aliveAt: 0 } as unknown as TrackedSession;
  });
  return { recorder, sessions, written };
}

describe('Recorder', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('writes a session that is refreshed all the time once in five seconds', () => {
    const { recorder, sessions, written } = recording();
    for (let millisecond = 0; millisecond < 16_000; millisecond += 10) {
      for (const tracked of sessions) recorder.refreshed(tracked);
      vi.advanceTimersByTime(10);
    }
    expect(written.size).toBe(count);
    for (const times of written.values()) {
      expect(times).toBeGreaterThanOrEqual(2);
      expect(times).toBeLessThanOrEqual(3);
    }
  });

  it('writes what was refreshed, once, when it is told to, and not again later', () => {
    const { recorder, sessions, written } = recording();
    for (const tracked of sessions) recorder.refreshed(tracked);
    vi.advanceTimersByTime(5010);
    for (const tracked of sessions.slice(0, 10)) recorder.refreshed(tracked);
    recorder.writeRefreshed();
    recorder.flush();
    expect([...written.values()].reduce((sum, times) => sum + times, 0)).toBeLessThanOrEqual(count + 200);
    expect(written.size).toBe(count);
    const before = new Map(written);
    vi.advanceTimersByTime(60_000);
    expect(written).toEqual(before);
  });
});
