import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Log } from '../log.js';
import { Database } from '../store/database.js';
import { enqueue, forgeBox, isHeard, webhookBox } from './outbox.js';
import { OutboxSender, type Failure } from './outbox-sender.js';

/* Order, retries and back-off are in webhook-sender.spec.ts: here is what webhooks don't have. */

const patient = { timeout: 10_000, interval: 10 };
let folder: string;
let database: Database;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-sender-'));
  database = await Database.open(join(folder, 'cordon.db'));
});

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sending(answer: (body: string, attempt: number) => Failure | null) {
  const got: string[] = [];
  const lines: string[] = [];
  const clock = { at: new Date('2026-11-23T11:00:00Z'), now: () => clock.at };
  const sender = new OutboxSender(
    { database, clock, random: () => 0, log: new Log((line) => lines.push(line)) },
    {
      box: forgeBox,
      message: 'letter',
      messages: 'letters',
      deliver: async ({ body }) => {
        got.push(body);
        return answer(body, got.length);
      },
    },
    { idle: 2, timeout: 1000, firstRetry: 2, lastRetry: 5, late: 300_000, useless: 3_600_000 },
  );
  await sender.start(true);
  ends.push(() => sender.stop());
  const happen = (...bodies: string[]) => database.transaction((tx) => enqueue(tx, forgeBox, clock.now(), bodies));
  return { sender, clock, got, lines, happen };
}

it('gives up at once what another attempt would not change, and goes on with the next', async () => {
  const { sender, got, lines, happen } = await sending((body) =>
    body === 'a' ? { problem: 'no such thing', isFinal: true } : null,
  );
  await happen('a', 'b');
  await vi.waitFor(
    async () => expect(await sender.state()).toMatchObject({ sent: 1, dropped: 1, waiting: 0 }),
    patient,
  );
  expect(got).toEqual(['a', 'b']);
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { message: 'letter given up', problem: 'no such thing' },
  ]);
});

it('gives up what could not be sent for too long, and not before', async () => {
  const { sender, clock, got, happen } = await sending((body) =>
    body === 'a' ? { problem: 'not there', isFinal: false } : null,
  );
  await happen('a', 'b');
  clock.at = new Date(clock.at.getTime() + 3_600_000);
  await vi.waitFor(() => expect(got.length).toBeGreaterThan(3), patient);
  expect(await sender.state()).toMatchObject({ waiting: 2, dropped: 0, late: { problem: 'not there' } });
  clock.at = new Date(clock.at.getTime() + 1);
  await vi.waitFor(
    async () => expect(await sender.state()).toMatchObject({ sent: 1, dropped: 1, waiting: 0 }),
    patient,
  );
  expect(got.at(-1)).toBe('b');
});

it('is heard apart from others', async () => {
  await sending(() => null);
  expect(await database.read((db) => isHeard(db, forgeBox))).toBe(true);
  expect(await database.read((db) => isHeard(db, webhookBox))).toBe(false);
});
