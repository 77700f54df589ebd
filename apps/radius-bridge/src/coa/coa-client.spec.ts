import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { codes, decodePacket, Secret, signReply } from '#radius';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Counters } from '../counters.js';
import type { CoaChannel } from './coa-channel.js';
import { CoaClient, type CoaTarget } from './coa-client.js';

const secret = new Secret('radsec');
const waits = [20, 20, 20];

function ack(request: Buffer): Buffer {
  const packet = decodePacket(request);
  if (typeof packet === 'string') throw new Error(packet);
  return signReply(packet, codes.coaAck, [], secret)!;
}

describe('CoA over a connection', () => {
  const counters = new Counters();
  const client = new CoaClient(counters, waits);
  const sent: Buffer[] = [];
  const lost: string[] = [];
  let isOpen = true;
  const channel: CoaChannel = {
    name: 'connection 1',
    send: (packet) => {
      if (isOpen) sent.push(packet);
      return isOpen;
    },
    unanswered: () => void lost.push('connection 1'),
  };
  const target: CoaTarget = { address: '10.0.3.11', port: 3799, secret, channel };

  afterEach(() => {
    sent.length = lost.length = 0;
    isOpen = true;
  });

  it('is answered over the same connection', async () => {
    const answer = client.send('CoA-Request', target, []);
    client.receive(ack(sent[0]!), 'connection 2');
    client.receive(ack(sent[0]!), '10.0.3.11 3799');
    expect(counters.get('coa.dropped.unexpected')).toBe(2);
    client.receive(ack(sent[0]!), 'connection 1');
    expect(await answer).toMatchObject({ outcome: 'ack' });
  });

  it('is sent once, and silence is the connection’s fault', async () => {
    expect(await client.send('CoA-Request', target, [])).toBe('timeout');
    expect([sent.length, lost]).toEqual([1, ['connection 1']]);
  });

  it('waits for a connection that is only being opened, with the same bytes', async () => {
    isOpen = false;
    const answer = client.send('CoA-Request', target, []);
    isOpen = true;
    await vi.waitFor(() => expect(sent).toHaveLength(1), 2000);
    client.receive(ack(sent[0]!), 'connection 1');
    expect(await answer).toMatchObject({ outcome: 'ack' });
  });

  it('gives up, and blames nobody, when there is none', async () => {
    isOpen = false;
    expect(await client.send('CoA-Request', target, [])).toBe('timeout');
    expect([sent, lost]).toEqual([[], []]);
  });
});

describe('CoA by UDP', () => {
  it('goes to a switch with an IPv6 address', async () => {
    const nas = createSocket('udp6').bind(0, '::1');
    await once(nas, 'listening');
    nas.on('message', (request, { address, port }) => nas.send(ack(request), port, address));
    const client = new CoaClient(new Counters(), [2000]);
    const { port } = nas.address();
    expect(await client.send('CoA-Request', { address: '::1', port, secret }, [])).toMatchObject({ outcome: 'ack' });
    client.close();
    nas.close();
  });
});
