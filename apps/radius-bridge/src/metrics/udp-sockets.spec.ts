import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { ownUdpSockets, parseUdpTable } from './udp-sockets.js';

const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

async function bound(options: { recvBufferSize?: number } = {}): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', ...options });
  open.push(socket);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

describe('/proc/net/udp', () => {
  it('gives port, bytes in the queue, drops and inode of each row', () => {
    const text = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  512: 0100007F:0714 00000000:0000 07 00000000:00001A00 00:00000000 00000000     0        0 48122 2 0000000000000000 17
  513: 00000000:0715 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 48123 2 0000000000000000 0
`;
    expect(parseUdpTable(text)).toEqual([
      { port: 1812, receiveQueueBytes: 6656, drops: 17, inode: '48122' },
      { port: 1813, receiveQueueBytes: 0, drops: 0, inode: '48123' },
    ]);
  });

  it('of udp6 has the same form', () => {
    const row = `  99: 00000000000000000000000001000000:0714 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0000000000000000 3`;
    expect(parseUdpTable(row)).toEqual([{ port: 1812, receiveQueueBytes: 0, drops: 3, inode: '7' }]);
  });

  it.each(['', 'nonsense', '1: 2 3 4', '1: 0100007F:0714 x 07 zz:yy 0 0 0 0 1 2 3 4'])('%j has no row', (text) => {
    expect(parseUdpTable(text)).toEqual([]);
  });
});

describe.skipIf(!existsSync('/proc/net/udp'))('sockets of this process', () => {
  it('a datagram that nobody has read is in the queue, and those that found no room are drops', async () => {
    const full = await bound({ recvBufferSize: 4096 });
    const other = await bound();
    const { port } = full.address();
    const datagram = Buffer.alloc(1000);
    // The receiver can't run before this is over: it is on the same thread.
    for (let i = 0; i < 50; i++) other.send(datagram, port, '127.0.0.1');
    await new Promise<void>((resolve) => other.send(datagram, port, '127.0.0.1', () => resolve()));
    const found = (await ownUdpSockets()).find((socket) => socket.port === port);
    expect(found?.drops).toBeGreaterThan(0);
    expect((await ownUdpSockets()).find((socket) => socket.port === other.address().port)?.drops).toBe(0);
  });
});
