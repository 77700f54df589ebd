import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent } from '#model';
import { storeEvents } from '../bridge/store-events.js';
import { Database } from '../store/database.js';
import { Wakeups } from '../wakeups.js';
import { AuthenticationStore, type AuthenticationFilter } from './authentication-store.js';
import { AuthenticationStream } from './authentication-stream.js';

/** A client that reads what it is given, or does not. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  isReading = true;
  isEnded = false;

  writeHead(): void {}

  write(text: string): boolean {
    this.written.push(text);
    return this.isReading;
  }

  end(): void {
    this.isEnded = true;
  }

  /** What its events say: `7 sw1` for an authentication, `gap 3`. */
  get events(): string[] {
    return this.written
      .join('')
      .split('\n\n')
      .flatMap((block) => {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined) return [];
        const { id, nas, missed } = JSON.parse(data) as { id?: number; nas?: string; missed?: number };
        return [missed === undefined ? `${id} ${nas}` : `gap ${missed}`];
      });
  }

  get lastId(): number {
    return Number([...this.written.join('').matchAll(/^id: (\d+)$/gm)].at(-1)?.[1]);
  }
}

let folder: string;
let database: Database;
let stream: AuthenticationStream;
let seq = 0;
const wakeups = new Wakeups();
const timing = { ping: 60_000, pause: 1, longest: 60_000 };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-stream-'));
  database = await Database.open(join(folder, 'cordon.db'));
  stream = new AuthenticationStream(new AuthenticationStore(database), wakeups, timing);
  seq = 0;
});

afterEach(async () => {
  stream.close();
  await vi.waitFor(() => expect(stream.clients).toBe(0), 5000);
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function authenticate(nases: readonly string[], rows = 1_000_000): Promise<void> {
  const events = nases.map((nas): BridgeEvent => {
    const grant = { code: null, method: null, class: null, posture: null, site: null, vlan: null, rule: null };
    const place = { at: '2026-05-01T10:00:00.000Z', mac: null, nas, nasPort: null, outcome: 'accept' as const };
    const authentication = {
      ...grant,
      ...place,
      reason: 'r',
      segment: 's',
      snapshotDigest: null,
      decisionId: `d${seq}`,
      count: 1,
    };
    return { type: 'authentication', seq: ++seq, authentication };
  });
  for (let i = 0; i < events.length; i += 1000)
    await storeEvents(database, { bridge: 'b', events: events.slice(i, i + 1000) }, new Date(), { rows }, null);
  wakeups.fire('authentications');
}

function follow(lastEventId: number | null, recent = 0, filter: AuthenticationFilter = {}): FakeResponse {
  const response = new FakeResponse();
  void stream.serve(response as unknown as ServerResponse, { filter, lastEventId, recent });
  return response;
}

const until = (what: () => void): Promise<void> => vi.waitFor(what, { timeout: 10_000, interval: 5 });

describe('authentications as they arrive', () => {
  it('are those from now on, and of those before as many as are wanted', async () => {
    await authenticate(['sw1', 'sw1', 'sw1']);
    const response = follow(null, 2);
    await until(() => expect(response.events).toEqual(['2 sw1', '3 sw1']));
    await authenticate(['sw2']);
    await until(() => expect(response.events).toEqual(['2 sw1', '3 sw1', '4 sw2']));
  });

  it('are those of the filter, and the position goes on all the same', async () => {
    const response = follow(null, 0, { nas: 'sw2' });
    await authenticate(['sw1', 'sw2', 'sw1']);
    await until(() => expect([response.events, response.lastId]).toEqual([['2 sw2'], 3]));
  });

  it('go on after the number that the client had last', async () => {
    await authenticate(['sw1', 'sw2', 'sw3']);
    const response = follow(1);
    await until(() => expect(response.events).toEqual(['2 sw2', '3 sw3']));
  });

  it('begin with what is here when the number is of another database', async () => {
    await authenticate(['sw1']);
    const response = follow(99, 1);
    await until(() => expect(response.events).toEqual(['1 sw1']));
  });

  it('show a gap for what is no longer stored, and then what is', async () => {
    await authenticate(
      Array.from({ length: 1500 }, () => 'sw1'),
      1000,
    );
    const response = follow(100);
    await until(() => expect(response.events).toHaveLength(1001));
    expect(response.events.slice(0, 2)).toEqual(['gap 400', '501 sw1']);
  });

  it('show a gap, too, to a client that fell behind what is kept while it was connected', async () => {
    const response = follow(null);
    await until(() => expect(response.written).toHaveLength(1));
    response.isReading = false;
    await authenticate(['sw1']);
    await until(() => expect(response.events).toEqual(['1 sw1']));
    await authenticate(
      Array.from({ length: 1400 }, () => 'sw1'),
      1000,
    );
    response.isReading = true;
    response.emit('drain');
    await until(() => expect(response.events).toHaveLength(1002));
    expect(response.events[1]).toBe('gap 400');
  });

  it('wait in the database, not in memory, for a client that does not read', async () => {
    const response = follow(null);
    await until(() => expect(response.written).toHaveLength(1));
    response.isReading = false;
    for (let n = 0; n < 20; n++) await authenticate(Array.from({ length: 1000 }, () => 'sw1'));
    // One look's rows at the most were handed over.
    expect(response.events.length).toBeLessThanOrEqual(5000);
    response.isReading = true;
    response.emit('drain');
    await until(() => expect(response.events).toHaveLength(20_000));
  });

  it('end with the client', async () => {
    const response = follow(null);
    await until(() => expect(stream.clients).toBe(1));
    response.emit('close');
    await until(() => expect(stream.clients).toBe(0));
    expect(response.isEnded).toBe(true);
  });

  it('end after their time, so that the client comes again with its token', async () => {
    stream = new AuthenticationStream(new AuthenticationStore(database), wakeups, { ...timing, ping: 1, longest: 20 });
    const response = follow(null);
    await until(() => expect(response.isEnded).toBe(true));
  });
});
