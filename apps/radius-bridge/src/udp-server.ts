import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
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

/** One bound UDP socket. A handler that throws costs its datagram, not the service. */
export class UdpServer {
  private readonly socket: Socket;

  constructor(
    private readonly endpoint: Endpoint,
    handler: DatagramHandler,
    counters: Counters,
    onFault: (reason: string) => void,
  ) {
    this.socket = createSocket({ type: endpoint.host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: receiveBuffer });
    this.socket.on('message', (datagram, { address, port }) => {
      try {
        handler(datagram, { address, port }, (reply) => this.socket.send(reply, port, address));
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
    this.socket.bind(port, host);
    await once(this.socket, 'listening');
    return this.socket.address().port;
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}
