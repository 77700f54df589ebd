import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls';
import type { TlsStep } from '#radius';
import { Wire } from './wire.js';

export type TlsVersion = '1.2' | '1.3';

/**
 * Turns of the event loop. Nothing in TLS waits for a clock or another thread: what it says to a message it says in the next few, and
 * what a peer cut off in the middle must not keep the worker turning.
 */
const patience = 64;
const quietTurns = 3;

/**
 * Node's own TLS without sockets: each connection is a pair of byte streams in memory.
 *
 * Node's server tells of a finished handshake without saying of which of our streams: the context that it began in does.
 */
export class TlsServer {
  private readonly server: Server;
  private readonly connections = new AsyncLocalStorage<TlsConnection>();

  /** Throws on a certificate and a key that don't fit. */
  constructor(options: TlsOptions) {
    this.server = createServer(options);
    this.server.on('secureConnection', (socket) => this.connections.getStore()?.secured(socket));
    this.server.on('tlsClientError', (error) => this.connections.getStore()?.failed(error));
  }

  connect(): TlsConnection {
    const connection = new TlsConnection();
    this.connections.run(connection, () => this.server.emit('connection', connection.wire));
    return connection;
  }
}

/** The server's end of one connection. It knows TLS; whom it speaks with, and what is said, is its user's business. */
export class TlsConnection {
  readonly wire = new Wire();
  /** There once the handshake is over. */
  socket: TLSSocket | null = null;
  /** Why it can't go on. */
  failure: string | null = null;
  private readonly received: Buffer[] = [];
  private events = 0;

  /** What the peer sent in, and what TLS says to it out; nothing may be the whole answer. */
  async exchange(message: Buffer): Promise<Buffer> {
    const before = this.happened;
    this.wire.push(message);
    await this.quiet(before);
    return this.wire.takeOutput();
  }

  /** Says something through TLS: what of it goes to the peer. */
  async say(data: Buffer): Promise<Buffer> {
    if (data.length === 0 || !this.socket) return Buffer.alloc(0);
    const before = this.happened;
    this.socket.write(data);
    await this.quiet(before);
    return this.wire.takeOutput();
  }

  /** What came through TLS since the last time. */
  takeReceived(): Buffer {
    return Buffer.concat(this.received.splice(0));
  }

  /** RFC 5705. In TLS 1.2 no context is not the same as an empty one (§4), and Node takes none, whatever its types say. */
  exportMaterial(label: string, length: number, context?: Buffer): Buffer {
    return this.socket!.exportKeyingMaterial(length, label, context as Buffer);
  }

  get version(): TlsVersion {
    return this.socket?.getProtocol() === 'TLSv1.3' ? '1.3' : '1.2';
  }

  close(): void {
    this.wire.destroy();
  }

  secured(socket: TLSSocket): void {
    this.socket = socket;
    this.events++;
    // An error without a listener would end the process.
    socket.on('error', (error) => this.failed(error));
    socket.on('data', (data: Buffer) => {
      this.received.push(data);
      this.events++;
    });
  }

  failed(error: Error): void {
    this.failure ??= `TLS: ${'reason' in error ? String(error.reason) : error.message}`;
    this.events++;
  }

  private get happened(): number {
    return this.events + this.wire.writes;
  }

  /** What a flight consists of comes in several writes: it is whole when something has happened and nothing more does. */
  private async quiet(before: number): Promise<void> {
    for (let quiet = 0, seen = before, turns = 0; quiet < quietTurns && turns < patience; turns++) {
      await turn();
      const now = this.happened;
      quiet = now === seen && now > before ? quiet + 1 : 0;
      seen = now;
    }
  }
}

/** What the peer hears before the handshake is over. */
export function midHandshake({ failure }: TlsConnection, output: Buffer): TlsStep<never> {
  const reason = failure ?? (output.length > 0 ? null : 'TLS does not answer');
  return reason === null ? { kind: 'continue', output } : { kind: 'failed', output, reason };
}
