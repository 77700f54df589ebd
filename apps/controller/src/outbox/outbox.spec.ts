import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../store/database.js';
import { sampleEvent } from '../../test/sample-events.js';
import { enqueueEvents } from '../webhooks/outbox.js';
import { Outbox, webhookBox } from './outbox.js';

const at = new Date('2026-11-23T11:00:00Z');
let folder: string;
let database: Database;
let outbox: Outbox;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-outbox-'));
  database = await Database.open(join(folder, 'cordon.db'));
  outbox = new Outbox(database, webhookBox);
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const enqueue = (commits: readonly string[], most?: number) =>
  database.transaction((tx) => enqueueEvents(tx, at, commits.map(sampleEvent), most));

async function drain(): Promise<string[]> {
  const found: string[] = [];
  for (let next = await outbox.next(); next; next = await outbox.next()) {
    found.push((JSON.parse(next.body) as { data: { commit: string } }).data.commit);
    await outbox.remove(next.number);
  }
  return found;
}

describe('the outbox', () => {
  it('keeps what happened in its order, with type and time', async () => {
    await outbox.setHeard(true);
    await enqueue(['a', 'b']);
    await enqueue(['c']);
    const first = await outbox.next();
    expect(JSON.parse(first!.body)).toEqual({ ...sampleEvent('a'), timestamp: at.toISOString() });
    expect(first).toEqual(await outbox.next());
    expect(await outbox.state()).toEqual({ waiting: 3, oldest: at.toISOString(), dropped: 0 });
    expect(await drain()).toEqual(['a', 'b', 'c']);
    expect(await outbox.state()).toEqual({ waiting: 0, oldest: null, dropped: 0 });
  });

  it('has nothing of what was rolled back, and all of what was stored, over a restart', async () => {
    await outbox.setHeard(true);
    const failing = database.transaction(async (tx) => {
      await enqueueEvents(tx, at, [sampleEvent('lost')]);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await enqueue(['kept']);
    const { id } = (await outbox.next())!;
    await database.close();
    database = await Database.open(join(folder, 'cordon.db'));
    outbox = new Outbox(database, webhookBox);
    await outbox.setHeard(true);
    expect((await outbox.next())?.id).toBe(id);
    expect(await drain()).toEqual(['kept']);
  });

  it('never gives out an id again', async () => {
    await outbox.setHeard(true);
    const ids: string[] = [];
    for (const commit of ['a', 'b', 'c']) {
      await enqueue([commit]);
      ids.push((await outbox.next())!.id);
      await drain();
    }
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => /^\d+-\d+$/.test(id))).toBe(true);
  });

  it('gives up the oldest when too many wait, and counts them', async () => {
    await outbox.setHeard(true);
    await enqueue(['a', 'b', 'c'], 3);
    await drain();
    await enqueue(['d', 'e'], 3);
    await enqueue(['f', 'g'], 3);
    expect(await outbox.state()).toMatchObject({ waiting: 3, dropped: 1 });
    expect(await drain()).toEqual(['e', 'f', 'g']);
  });

  it('takes nothing while nobody is to hear of it, and forgets what waited', async () => {
    await enqueue(['before']);
    expect(await outbox.state()).toMatchObject({ waiting: 0 });
    await outbox.setHeard(true);
    await enqueue(['a']);
    await outbox.setHeard(false);
    await enqueue(['b']);
    await outbox.setHeard(true);
    expect(await drain()).toEqual([]);
  });
});
