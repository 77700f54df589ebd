import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { codes, decodePacket, Secret, signRequest, verifyReply, type Attribute, type Packet } from '#radius';

export interface Patience {
  /** All of the same bytes (RFC 5080 §2.2.1). */
  readonly transmissions: number;
  /** After each of them. */
  readonly milliseconds: number;
}

/** A switch that has one request out at a time, from a port of its own. Throws on a reply that is not validly signed. */
export class Asker {
  private readonly socket: Socket;
  private readonly secret: Secret;
  private id = 0;
  /** Beyond the first transmission of each request. */
  retransmissions = 0;

  private constructor(socket: Socket, secret: string) {
    this.socket = socket;
    this.secret = new Secret(secret);
  }

  static async open(secret: string): Promise<Asker> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Asker(socket, secret);
  }

  /** Null: nobody answered. */
  async ask(
    port: number,
    code: typeof codes.accessRequest | typeof codes.accountingRequest,
    attributes: readonly Attribute[],
    { transmissions, milliseconds }: Patience,
  ): Promise<Packet | null> {
    const id = this.id++ % 256;
    const random = code === codes.accessRequest ? randomBytes(16) : undefined;
    const datagram = signRequest(code, id, attributes, this.secret, random);
    for (let n = 0; n < transmissions; n++) {
      if (n > 0) this.retransmissions++;
      const reply = this.replyTo(id, milliseconds);
      this.socket.send(datagram, port, '127.0.0.1');
      const bytes = await reply;
      if (bytes === null) continue;
      const packet = decodePacket(bytes);
      if (typeof packet === 'string' || verifyReply(packet, datagram.subarray(4, 20), this.secret) !== 'valid')
        throw new Error('a reply is not validly signed');
      return packet;
    }
    return null;
  }

  /** What answers another request came late: a retransmission is answered, too. */
  private replyTo(id: number, milliseconds: number): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const settle = (reply: Buffer | null): void => {
        clearTimeout(timer);
        this.socket.off('message', receive);
        resolve(reply);
      };
      const receive = (bytes: Buffer): void => {
        if (bytes[1] === id) settle(bytes);
      };
      const timer = setTimeout(() => settle(null), milliseconds);
      this.socket.on('message', receive);
    });
  }

  close(): void {
    this.socket.close();
  }
}
