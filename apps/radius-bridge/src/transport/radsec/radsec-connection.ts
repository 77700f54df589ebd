import type { TLSSocket } from 'node:tls';
import { codes } from '#radius';
import type { Counters } from '../../counters.js';
import { nextVia, type PacketHandler, type SecureConnection, type Source } from '../source.js';
import { PacketStream } from './packet-stream.js';
import type { PeerCertificate } from './peer-certificate.js';

/** A packet that has begun has to be whole by then. */
const packetMilliseconds = 10_000;
/** Replies that the client does not read. */
const mostUnread = 256 * 1024;

/** Where the packets of a connection go: both ports of UDP are one here (RFC 6614 §2.1). */
export interface PacketHandlers {
  readonly authentication: PacketHandler;
  readonly accounting: PacketHandler;
  /** Answers to what we asked the client. `from`: the connection's name. */
  readonly reply: (packet: Buffer, from: string) => void;
}

export interface ConnectionPorts {
  readonly handlers: PacketHandlers;
  readonly counters: Counters;
  readonly onFault: (reason: string) => void;
  readonly onEnd: (connection: RadsecConnection, reason: string) => void;
}

const replies: ReadonlySet<number> = new Set<number>([
  codes.coaAck,
  codes.coaNak,
  codes.disconnectAck,
  codes.disconnectNak,
]);

/** A TLS connection of a client: packets in, replies out. It does not decide what is answered. */
export class RadsecConnection implements SecureConnection {
  /** Never used again. */
  readonly name: string;
  private readonly stream = new PacketStream();
  private readonly source: Source;
  private deadline: NodeJS.Timeout | null = null;
  private isOver = false;

  constructor(
    private readonly socket: TLSSocket,
    readonly nas: string,
    readonly certificate: PeerCertificate,
    idleSeconds: number,
    private readonly ports: ConnectionPorts,
  ) {
    const via = nextVia();
    this.name = `connection ${via}`;
    this.source = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, via, connection: this };
    socket.setNoDelay(true);
    socket.setTimeout(idleSeconds * 1000, () => this.end('idle'));
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.end('closed-by-client'));
    socket.on('close', () => this.end('closed-by-client'));
    socket.on('error', () => this.end('broken'));
  }

  get address(): string {
    return this.source.address;
  }

  /** False: the connection is over. */
  send(packet: Buffer): boolean {
    if (this.isOver) return false;
    if (this.socket.writableLength > mostUnread) {
      this.end('does-not-read');
      return false;
    }
    return this.socket.write(packet) || true;
  }

  end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.deadline) clearTimeout(this.deadline);
    this.socket.destroySoon();
    this.ports.onEnd(this, reason);
  }

  private receive(chunk: Buffer): void {
    if (this.isOver) return;
    const packets = this.stream.push(chunk);
    if (!packets) return this.end('not-radius');
    for (const packet of packets) {
      // What came before a packet that ended the connection is answered, what came after it is not.
      if (this.isOver) return;
      this.handle(packet);
    }
    this.watch(packets.length > 0);
  }

  private handle(packet: Buffer): void {
    const { handlers, counters, onFault } = this.ports;
    const code = packet[0]!;
    try {
      if (replies.has(code)) handlers.reply(packet, this.name);
      else {
        const handler = code === codes.accountingRequest ? handlers.accounting : handlers.authentication;
        handler(packet, this.source, (reply) => void this.send(reply));
      }
    } catch (error) {
      counters.add('faults');
      onFault(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** Byte by byte keeps nobody waiting but its sender, and not for ever. */
  private watch(hasProgress: boolean): void {
    if (this.deadline && (hasProgress || !this.stream.isInside)) {
      clearTimeout(this.deadline);
      this.deadline = null;
    }
    if (this.stream.isInside && !this.isOver)
      this.deadline ??= setTimeout(() => this.end('half-a-packet'), packetMilliseconds);
  }
}
