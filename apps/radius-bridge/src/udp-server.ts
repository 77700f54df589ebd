import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Counters } from './counters.js';
import type { Endpoint } from './config.js';

export interface Source {
  /** As the socket gives it. */
  readonly address: string;
  readonly port: number;
}

/** Answers by calling `send`, at once, later or never. */
export type DatagramHandler = (datagram: Buffer, source: Source, send: (reply: Buffer) => void) => void;

/** Room for a burst: all ports of a floor that re-authenticate after a power cut. The kernel may grant less. */
const receiveBuffer = 4 * 1024 * 1024;

/**
 * Replies go to where the request came from, and the configured host is an address: there is no name to resolve, and asking
 * the resolver all the same would put every reply off by a turn of the event loop.
 */
const literal: NonNullable<SocketOptions['lookup']> = (address, options, callback) => {
  const family = isIP(address);
  if (family !== 0) callback(null, address, family);
  else lookup(address, options, callback);
};

/** One bound UDP socket. A handler that throws costs its datagram, not the service. */
export class UdpServer {
  private readonly socket: Socket;

  constructor(
    private readonly endpoint: Endpoint,
    handler: DatagramHandler,
    counters: Counters,
    onFault: (reason: string) => void,
  ) {
    this.socket = createSocket({
      type: endpoint.host.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: receiveBuffer,
      lookup: literal,
    });
    this.socket.on('message', (datagram, source) => {
      try {
        handler(datagram, source, (reply) => this.socket.send(reply, source.port, source.address));
      } catch (error) {
        counters.add('faults');
        onFault(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    });
    this.socket.on('error', (error) => {
      counters.add('socket.errors');
      onFault(error.message);
    });
  }

  /** Resolves to the port. */
  async listen(): Promise<number> {
    const { host, port } = this.endpoint;
    const listening = once(this.socket, 'listening');
    this.socket.bind(port, host);
    await listening;
    return this.socket.address().port;
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}
