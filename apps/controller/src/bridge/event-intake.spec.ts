import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvents, Session } from '#model';
import { sampleSession } from '../../test/sample-session.js';
import { Log } from '../log.js';
import { Database } from '../store/database.js';
import { Wakeups } from '../wakeups.js';
import { EventIntake } from './event-intake.js';

let folder: string;
let database: Database;
let isUrgent: boolean;
let reported: readonly Session[];
let intake: EventIntake;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-intake-'));
  database = await Database.open(join(folder, 'cordon.db'));
  isUrgent = false;
  reported = [];
  const live = { reported: (sessions: readonly Session[]) => void (reported = [...reported, ...sessions]) };
  const turns = {
    get isUrgent() {
      return isUrgent;
    },
  };
  const [clock, log] = [{ now: () => new Date('2026-11-30T22:00:00Z') }, new Log(() => undefined)];
  const limits = { days: 1, rows: 100_000 };
  const feed = { offer: () => undefined };
  intake = new EventIntake(database, turns, live, feed, { active: null }, new Wakeups(), clock, limits, log);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const batchOf = (count: number): BridgeEvents => ({
  bridge: 'b1',
  events: Array.from({ length: count }, (_, n) => ({
    seq: n + 1,
    type: 'session',
    session: sampleSession('2026-11-30T21:00:00Z', {
      id: `s${n}`,
      mac: `00:1a:00:00:${hex(n >> 8)}:${hex(n & 255)}` as Session['mac'],
    }),
  })),
});
const hex = (n: number): string => n.toString(16).padStart(2, '0');
const storedSessions = () => database.read((db) => db.query<{ n: number }[]>('SELECT count(*) AS n FROM session'));

describe('a batch of a bridge', () => {
  it('is one commit, when nobody else wants anything', async () => {
    const transactions = vi.spyOn(database, 'transaction');
    expect(await intake.take(batchOf(300))).toEqual({ stored: 300 });
    expect(transactions).toHaveBeenCalledTimes(1);
    expect(reported.map(({ id }) => id)).toEqual(
      batchOf(300).events.map((event) => 'session' in event && event.session.id),
    );
  });

  it('lets others in between its pieces once they have waited, and is whole in the end', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 100));
    const transactions = vi.spyOn(database, 'transaction');
    const taken = intake.take(batchOf(300));
    await vi.waitFor(() => expect(transactions).toHaveBeenCalled());
    await new Promise((resolve) => setImmediate(resolve));
    const [{ n }] = (await storedSessions()) as [{ n: number }];
    expect(n).toBeGreaterThan(0);
    expect(n).toBeLessThan(300);
    expect(reported).toHaveLength(n);
    expect(await taken).toEqual({ stored: 300 });
    expect(reported).toHaveLength(300);
    expect(await storedSessions()).toEqual([{ n: 300 }]);
  });

  it('is stored piece by piece while something urgent is under way', async () => {
    isUrgent = true;
    const transactions = vi.spyOn(database, 'transaction');
    expect(await intake.take(batchOf(100))).toEqual({ stored: 100 });
    expect(transactions).toHaveBeenCalledTimes(3);
  });

  it('that came before changes nothing, and one that begins in what is known ends in what is not', async () => {
    await intake.take(batchOf(100));
    expect(await intake.take(batchOf(100))).toEqual({ stored: 100 });
    expect(reported).toHaveLength(100);
    expect(await intake.take(batchOf(150))).toEqual({ stored: 150 });
    expect(reported).toHaveLength(150);
  });
});
