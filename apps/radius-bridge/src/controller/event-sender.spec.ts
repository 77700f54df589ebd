import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Counters } from '../counters.js';
import type { Journal } from '../journal/journal.js';
import { EventSender } from './event-sender.js';

interface Batch {
  readonly bridge: string;
  readonly digest?: string;
  readonly events: readonly { readonly seq: number }[];
}

let server: Server;
let url: string;
let batches: Batch[];
let isAway: boolean;
let refused: number;

beforeEach(async () => {
  [batches, isAway, refused] = [[], false, 0];
  server = createServer((request, response) => {
    void text(request).then((body) => {
      if (isAway) {
        refused++;
        return response.writeHead(503).end();
      }
      const batch = JSON.parse(body) as Batch;
      batches.push(batch);
      return response.end(JSON.stringify({ stored: batch.events.at(-1)?.seq ?? 0 }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

it('says by which policy it answers with each batch, and at once when that is another', async () => {
  let digest: string | null = null;
  const spool: { seq: number; json: string }[] = [];
  const journal: Pick<Journal, 'readEvents' | 'write'> = {
    readEvents: (most) => Promise.resolve(spool.slice(0, most)),
    write: ([change]) => {
      if (change?.kind === 'forget-events') spool.splice(0, spool.findLastIndex(({ seq }) => seq <= change.upTo) + 1);
      return 0 as never;
    },
  };
  const controller = { url, bridge: 'bridge-1/x', token: () => 'token' };
  const sender = new EventSender(
    controller,
    journal as Journal,
    new Counters(),
    () => undefined,
    () => digest,
    {
      firstRetry: 5,
      lastRetry: 10,
    },
  );
  sender.start();
  spool.push({ seq: 1, json: '{"seq":1}' });
  sender.notify();
  await vi.waitFor(() => expect(batches).toEqual([{ bridge: 'bridge-1/x', events: [{ seq: 1 }] }]));
  digest = 'a'.repeat(64);
  isAway = true;
  sender.notify();
  await vi.waitFor(() => expect(refused).toBeGreaterThan(1));
  isAway = false;
  await vi.waitFor(() => expect(batches.at(-1)).toEqual({ bridge: 'bridge-1/x', digest, events: [] }));
  spool.push({ seq: 2, json: '{"seq":2}' });
  sender.notify();
  await vi.waitFor(() => expect(batches.at(-1)).toEqual({ bridge: 'bridge-1/x', digest, events: [{ seq: 2 }] }));
  expect(batches).toHaveLength(3);
  await sender.close();
});
