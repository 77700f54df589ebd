import type { FeedMessage } from '#model';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeController } from '../../test/fake-controller.js';
import { Counters } from '../counters.js';
import { FeedClient } from './feed-client.js';

const token = 'a-token';
const pump = { mac: '00:03:b1:00:00:01', class: 'infusion-pump', posture: 'normal' };
const devices = (revision: number, row: object): FeedMessage =>
  ({ type: 'devices', reset: false, revision, devices: [row] }) as FeedMessage;

describe('the feed', () => {
  let controller: FakeController;
  let client: FeedClient;
  let revision: number;
  let refused: FeedMessage['type'] | null;
  const taken: FeedMessage[] = [];

  beforeEach(async () => {
    controller = new FakeController(token);
    [revision, refused, taken.length] = [0, null, 0];
    const url = await controller.listen();
    const receiver = {
      position: () => ({ revision, credentialRevision: 0, digest: null, rollout: null }),
      receive: (message: FeedMessage): void => {
        if (message.type === refused) throw new Error('can not be used');
        taken.push(message);
        if (message.type === 'devices') ({ revision } = message);
      },
      disconnected: (): void => {},
    };
    const timing = { firstRetry: 5, lastRetry: 20, stale: 5000 };
    client = new FeedClient({ url, bridge: 'b1/1', token: () => token }, receiver, new Counters(), () => {}, timing);
    client.start();
    await controller.until(() => controller.connections.length === 1);
  });

  afterEach(async () => {
    await client.close();
    await controller.close();
  });

  /** Now, and to whoever connects from now on. */
  function send(...messages: FeedMessage[]): void {
    controller.initial = messages;
    for (const message of messages) controller.send(message);
  }

  it('asks again from where it is when a message is not understood, and misses nothing', async () => {
    send(devices(1, pump));
    await vi.waitFor(() => expect(revision).toBe(1));
    send(devices(2, { ...pump, posture: 'a posture of tomorrow' }), devices(3, pump));
    await controller.until(() => controller.connections.length > 3);
    expect(new Set(controller.connections.slice(1).map(({ since }) => since))).toEqual(new Set([1]));
    send(devices(2, { ...pump, posture: 'quarantined' }), devices(3, pump));
    await vi.waitFor(() => expect(revision).toBe(3));
    expect(taken.slice(0, 3)).toEqual([devices(1, pump), ...controller.initial]);
  });

  it('says why there is no link while it is so', async () => {
    send(devices(4, { mac: 'no address' }));
    await vi.waitFor(() =>
      expect(client.problem).toMatch(/a message of the controller is not understood.*no address/s),
    );
  });

  it('goes on after a snapshot that can not be used', async () => {
    refused = 'snapshot';
    send({ type: 'snapshot', snapshot: {} }, devices(9, pump));
    await vi.waitFor(() => expect(revision).toBe(9));
    expect(controller.connections).toHaveLength(1);
    expect(client.isConnected).toBe(true);
  });
});
