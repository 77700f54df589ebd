import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '#model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleSession } from '../../test/sample-session.js';
import { LiveSessions } from '../sessions/live-sessions.js';
import { Database } from '../store/database.js';
import { sessionChanges, sessions } from '../store/rows.js';
import { offersTo } from './handovers.js';
import { storeEvents } from './store-events.js';

const at = (minutes: number): string => new Date(Date.parse('2026-11-24T12:00:00Z') + minutes * 60_000).toISOString();

describe('a switch that goes over to another bridge', () => {
  let folder: string;
  let database: Database;
  let live: LiveSessions;
  let seq = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-handovers-'));
    database = await Database.open(join(folder, 'cordon.sqlite'));
    live = new LiveSessions(database);
    await live.all();
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  /** Answers with who is told of which sessions of whom. */
  async function report(bridge: string, change: Partial<Session>): Promise<string[]> {
    const session = sampleSession(at(0), change);
    const events = [{ type: 'session' as const, seq: ++seq, session }];
    const stored = await storeEvents(database, { bridge, events }, new Date(at(30)), { rows: 1000 }, null);
    live.reported(stored.sessions);
    return stored.offers.map(({ to, elsewhere }) => `${to}: ${elsewhere.session.id} of ${elsewhere.bridge}`);
  }
  const open = async (): Promise<string[]> => {
    const rows = await database.read((db) => db.findBy(sessions, { state: 'open' }));
    const ids = rows.map(({ id }) => id).sort();
    expect((await live.all()).map(({ id }) => id).sort()).toEqual(ids);
    return ids;
  };
  const missed = async (bridge: string): Promise<string[]> =>
    (await database.read((db) => offersTo(db, bridge))).map(({ session }) => session.id);

  const first = { id: 'a', heardAt: at(1) };
  const second = { id: 'b', heardAt: at(2) };
  const succeeds = [{ id: 'a', revision: 1 }];

  it('is told to both, and to nobody else', async () => {
    expect(await report('a/1', first)).toEqual([]);
    await report('c/1', { id: 'c', nas: 'another' });
    expect(await report('b/1', second)).toEqual(['b/1: a of a/1', 'a/1: b of b/1']);
    expect(await open()).toEqual(['a', 'b', 'c']);
    expect([await missed('a/1'), await missed('b/1'), await missed('c/1')]).toEqual([['b'], ['a'], []]);
  });

  it('leaves one session, though the bridge that had the other is gone', async () => {
    await report('a/1', first);
    await report('b/1', second);
    expect(await report('b/1', { ...second, revision: 2, succeeds })).toContain('a/1: b of b/1');
    expect(await open()).toEqual(['b']);
    expect(await missed('a/1')).toEqual(['b']);
    const row = await database.read((db) => db.findOneByOrFail(sessions, { id: 'a' }));
    expect(row.document).toMatchObject({ state: 'closed', endReason: 'the switch went on with bridge b', revision: 1 });
    const changes = await database.read((db) => db.findBy(sessionChanges, { session: 'a' }));
    expect(changes.map(({ document }) => document.kind)).toEqual(['began', 'ended']);
  });

  it('hears nothing more once its bridge has ended it', async () => {
    await report('a/1', first);
    await report('b/1', { ...second, succeeds });
    await report('a/1', { ...first, revision: 2, state: 'closed', endedAt: at(3), endReason: 'x' });
    expect([await open(), await missed('a/1')]).toEqual([['b'], []]);
  });

  it('is open again while the bridge that succeeded it does not know its news', async () => {
    await report('a/1', first);
    await report('b/1', { ...second, succeeds });
    expect(await report('a/1', { ...first, revision: 2, addresses: ['10.21.0.5'] })).toContain('b/1: a of a/1');
    expect(await open()).toEqual(['a', 'b']);
    await report('b/1', { ...second, revision: 2, succeeds: [{ id: 'a', revision: 2 }] });
    expect(await open()).toEqual(['b']);
  });

  it('stays ended when old news of it come that its successor knew', async () => {
    await report('a/1', { ...first, revision: 7 });
    await report('b/1', { ...second, succeeds: [{ id: 'a', revision: 8 }] });
    expect(await open()).toEqual(['b']);
    await report('a/1', { ...first, revision: 8 });
    expect(await open()).toEqual(['b']);
  });

  it('comes back when the switch does', async () => {
    await report('a/1', first);
    await report('b/1', { ...second, succeeds });
    await report('a/1', { ...first, revision: 2, heardAt: at(3), succeeds: [{ id: 'b', revision: 1 }] });
    expect(await open()).toEqual(['a']);
    expect(await missed('b/1')).toEqual(['a']);
  });

  it('ends the session at the first bridge when the end was told to the second', async () => {
    await report('a/1', first);
    const offers = await report('b/1', { ...second, state: 'closed', endedAt: at(2), endReason: 'Lost Carrier' });
    expect(offers).toContain('b/1: a of a/1');
    await report('b/1', {
      ...second,
      revision: 2,
      state: 'closed',
      endedAt: at(2),
      endReason: 'Lost Carrier',
      succeeds,
    });
    expect([await open(), await missed('a/1')]).toEqual([[], ['b']]);
  });
});
