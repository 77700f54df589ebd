import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testParts } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import type { Authentication } from '#model';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { Journal } from './journal.js';
import type { JournalOperation } from './messages.js';
import { Recorder, type AuthenticationNote } from './recorder.js';

const count = 200;

/** Sessions that are there, and how often each was written. */
function recording(howMany = count) {
  const written = new Map<string, number>();
  const notes: Authentication[] = [];
  const journal = {
    loaded: { lastSeq: 0 },
    spooled: 0,
    write: (operations: readonly JournalOperation[]) => {
      for (const operation of operations) {
        if (operation.kind === 'event') {
          const event = JSON.parse(operation.event.json) as { readonly authentication?: Authentication };
          if (event.authentication) notes.push(event.authentication);
        }
        if (operation.kind !== 'session') continue;
        written.set(operation.id, (written.get(operation.id) ?? 0) + 1);
      }
    },
  };
  const { counters } = testParts(sampleSnapshot());
  const recorder = new Recorder(journal as unknown as Journal, counters, Date.now, () => undefined);
  const sessions = Array.from({ length: howMany }, (_, i) => {
    const session = { id: `${i}`, revision: 1, updatedAt: '' };
    return { session, aliveAt: 0, toldAt: 0 } as unknown as TrackedSession;
  });
  return { recorder, sessions, written, notes, counters };
}

const note: AuthenticationNote = {
  at: 0,
  mac: '00:1a:2b:3c:4d:5e',
  nas: 'switch-1',
  nasPort: '7',
  outcome: 'reject',
  reason: 'no grant',
  code: 'no-grant',
  method: null,
  snapshotDigest: null,
  decisionId: 'cordon:000000000001',
  grant: null,
};

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

  it('spreads the refreshed sessions of a flood, and leaves none out', () => {
    const { recorder, sessions, written } = recording(2000);
    for (const tracked of sessions) recorder.refreshed(tracked);
    vi.advanceTimersByTime(6000);
    expect(written.size).toBeGreaterThan(100);
    expect(written.size).toBeLessThan(300);
    vi.advanceTimersByTime(12_000);
    expect(written.size).toBe(2000);
  });

  it('writes what was refreshed, once, when it is told to, and not again later', () => {
    const { recorder, sessions, written } = recording();
    for (const tracked of sessions) recorder.refreshed(tracked);
    vi.advanceTimersByTime(5010);
    for (const tracked of sessions.slice(0, 10)) recorder.refreshed(tracked);
    recorder.writeRefreshed();
    recorder.flush();
    expect([...written.values()].reduce((sum, times) => sum + times, 0)).toBeLessThanOrEqual(count + 20);
    expect(written.size).toBe(count);
    const before = new Map(written);
    vi.advanceTimersByTime(60_000);
    expect(written).toEqual(before);
  });

  it('tells equal authentications of a port together, with their count: the first at once, the others after 30 seconds', () => {
    const { recorder, notes } = recording();
    for (let i = 0; i < 5; i++) recorder.authentication(note);
    vi.advanceTimersByTime(100);
    expect(notes.map(({ count: times }) => times)).toEqual([1]);
    recorder.writeRepeated();
    vi.advanceTimersByTime(30_000);
    recorder.writeRepeated();
    vi.advanceTimersByTime(100);
    expect(notes.map(({ count: times }) => times)).toEqual([1, 4]);
  });

  it.each<[string, Partial<AuthenticationNote>]>([
    ['port', { nasPort: '8' }],
    ['NAS', { nas: 'switch-2' }],
    ['device', { mac: '00:1a:2b:3c:4d:5f' }],
    ['outcome', { outcome: 'accept' }],
    ['reason', { reason: 'another' }],
    ['device, which is not known,', { mac: null }],
  ])('tells another %s apart', (_, change) => {
    const { recorder, notes } = recording();
    for (const one of [note, note, { ...note, ...change }]) recorder.authentication(one);
    recorder.writeRepeated(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(100);
    expect(notes.reduce((sum, { count: times }) => sum + times, 0)).toBe(3);
    expect(notes).toContainEqual(expect.objectContaining(change));
    expect(notes).toContainEqual(expect.objectContaining({ nas: note.nas, nasPort: note.nasPort }));
  });

  it('counts all of them, however many ports there are', () => {
    const { recorder, notes, counters } = recording();
    for (let i = 0; i < 3000; i++) {
      for (const mac of [null, note.mac]) recorder.authentication({ ...note, mac, nasPort: `${i % 100}` });
      if (i % 100 === 99) vi.advanceTimersByTime(100);
    }
    recorder.writeRepeated(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(100);
    const told = notes.reduce((sum, { count: times }) => sum + times, 0);
    expect(told + counters.get('events.authentication.dropped')).toBe(6000);
  });
});
