import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Counters } from '../counters.js';
import { nextVia, type PacketHandler } from './source.js';

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

export interface UdpServerOptions {
  /** As in `Source`; a new one where it is missing. */
  readonly via?: number;
  /** Other processes have sockets on the same port (SO_REUSEPORT). */
  readonly isShared?: boolean;
}

/**
 * One UDP socket, bound to one address: so a reply has the address that the request was sent to (RFC 2865 §3). A handler that
 * throws costs its datagram, not the service.
 */
export class UdpServer {
  private readonly socket: Socket;
  readonly via: number;
  private isClosed = false;

  constructor(
    readonly host: string,
    handler: PacketHandler,
    counters: Counters,
    onFault: (reason: string) => void,
    { via = nextVia(), isShared = false }: UdpServerOptions = {},
  ) {
    this.via = via;
    const isIpv6 = host.includes(':');
    this.socket = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      recvBufferSize: receiveBuffer,
      lookup: literal,
      reusePort: isShared,
    });
    this.socket.on('message', (datagram, { address, port }) => {
      try {
        handler(datagram, { address, port, via }, (reply) => this.send(reply, port, address));
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
  async listen(port: number): Promise<number> {
    const listening = once(this.socket, 'listening');
    this.socket.bind(port, this.host);
    await listening;
    return this.port;
  }

  get port(): number {
    return this.socket.address().port;
  }

  get receiveBufferSize(): number {
    return this.socket.getRecvBufferSize();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }

  /** What takes longer, 802.1X or a record on its way to the disk, may end after the socket. */
  private send(reply: Buffer, port: number, address: string): void {
    if (!this.isClosed) this.socket.send(reply, port, address);
  }
}
