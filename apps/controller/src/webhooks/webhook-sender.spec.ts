import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sampleEvent } from '../../test/sample-events.js';
import { Log } from '../log.js';
import { Database } from '../store/database.js';
import { enqueueEvents } from './outbox.js';
import { WebhookSender } from './webhook-sender.js';

let folder: string;
let database: Database;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-sender-'));
  database = await Database.open(join(folder, 'cordon.db'));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `answer`: status by the number of the request; 0: none ever. */
async function sending(answer: (request: number) => number, timeout = 5000) {
  const got: string[] = [];
  const ids: string[] = [];
  const lines: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { data } = JSON.parse(body) as { data: { commit: string } };
      const status = answer(got.length);
      got.push(data.commit);
      ids.push(String(request.headers['webhook-id']));
      if (status > 0) response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const clock = { at: new Date('2026-11-23T11:00:00Z'), now: () => clock.at };
  const log = new Log((line) => lines.push(line));
  const sender = new WebhookSender(
    { database, clock, random: () => 0, log },
    { url, secrets: [Buffer.alloc(24)] },
    { idle: 5, timeout, firstRetry: 2, lastRetry: 10, late: 300_000, useless: null },
  );
  await sender.start();
  ends.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  ends.push(() => sender.stop());
  const happen = (...commits: string[]) =>
    database.transaction((tx) => enqueueEvents(tx, clock.now(), commits.map(sampleEvent)));
  return { sender, clock, got, ids, lines, happen };
}

it('sends what happened, in order', async () => {
  const { sender, got, happen } = await sending(() => 204);
  await happen('a', 'b');
  await happen('c');
  await vi.waitFor(() => expect(got).toEqual(['a', 'b', 'c']));
  await vi.waitFor(async () =>
    expect(await sender.state()).toEqual({ sent: 3, failed: 0, waiting: 0, dropped: 0, late: null }),
  );
});

it('tries the same again, with the same id, before the next, and says so once', async () => {
  const { sender, got, ids, lines, happen } = await sending((request) => (request < 3 ? 500 : 200));
  await happen('a', 'b');
  await vi.waitFor(async () => expect(await sender.state()).toMatchObject({ sent: 2, failed: 3, waiting: 0 }));
  expect(got).toEqual(['a', 'a', 'a', 'a', 'b']);
  expect(new Set(ids).size).toBe(2);
  expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    'webhook not taken, it is tried again',
    'webhooks are taken again',
  ]);
});

it('gives up on a receiver that hangs, and goes on when it comes back', async () => {
  const { sender, got, happen } = await sending((request) => (request === 0 ? 0 : 200), 300);
  await happen('a');
  await vi.waitFor(async () => expect(await sender.state()).toMatchObject({ sent: 1, waiting: 0 }), 5000);
  expect((await sender.state())!.failed).toBeGreaterThan(0);
  expect(new Set(got)).toEqual(new Set(['a']));
});

it('tells since when messages wait, and why, once that is long ago', async () => {
  const { sender, clock, happen } = await sending(() => 503);
  await happen('a');
  const since = clock.at.toISOString();
  await vi.waitFor(async () => expect((await sender.state())!.failed).toBeGreaterThan(0));
  expect((await sender.state())!.late).toBeNull();
  clock.at = new Date(clock.at.getTime() + 300_001);
  expect((await sender.state())!.late).toEqual({ since, problem: 'the receiver answered 503' });
});

it('ends while a receiver hangs, and keeps the message', async () => {
  const { sender, got, happen } = await sending(() => 0);
  await happen('a');
  await vi.waitFor(() => expect(got).toEqual(['a']));
  await sender.stop();
  expect(await sender.state()).toMatchObject({ sent: 0, failed: 0, waiting: 1 });
});

it('has no state when nobody is to hear of anything', async () => {
  const { now } = { now: () => new Date() };
  const sender = new WebhookSender({ database, clock: { now }, random: () => 0, log: new Log(() => undefined) }, null);
  await sender.start();
  expect(await sender.state()).toBeNull();
  await sender.stop();
});
