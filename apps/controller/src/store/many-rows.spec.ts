import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from './database.js';
import { changerOf, readerOf, writerOf } from './many-rows.js';
import { bridges, sessions, type SessionRow } from './rows.js';
import { sampleSession } from '../../test/sample-session.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-many-rows-'));
let database: Database;
beforeAll(async () => {
  database = await Database.open(join(folder, 'cordon.db'));
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const write = writerOf(sessions, 'id');
const read = readerOf(sessions, 'id');

function row(id: string, change: Partial<SessionRow> = {}): SessionRow {
  const document = sampleSession('2026-11-01T12:00:00.000Z', { id });
  const { state, mac, nas, nasPort, site, segment, method, addresses, startedAt, updatedAt, endedAt } = document;
  const columns = { id, state, mac, nas, nasPort, site, segment, method, addresses, startedAt, updatedAt, endedAt };
  return { ...columns, bridge: 'a', class: document.class, successor: null, document, ...change };
}

describe('rows that are changed in place', () => {
  it('have all columns anew but those that are kept, JSON too, and others stay as they are', async () => {
    const change = changerOf(sessions, 'id', ['state', 'startedAt']);
    const [one, other] = [row('one'), row('other')];
    await database.transaction((tx) => write(tx, [one, other]));
    const changed = row('one', {
      state: 'closed',
      startedAt: 'later',
      segment: 'quarantine',
      nasPort: null,
      addresses: ['10.21.0.9'],
      successor: 'two',
      document: { ...one.document, revision: 7 },
    });
    await database.transaction((tx) => change(tx, [changed]));
    const found = await database.read((db) => read(db, ['one', 'other']));
    expect(found).toEqual([{ ...changed, state: one.state, startedAt: one.startedAt }, other]);
  });

  it('do not come to be', async () => {
    const change = changerOf(bridges, 'id', []);
    await database.transaction((tx) => change(tx, [{ id: 'x', lastSeq: 1, lastSeen: '', digest: null }]));
    expect(await database.read((db) => readerOf(bridges, 'id')(db, ['x']))).toEqual([]);
  });
});
