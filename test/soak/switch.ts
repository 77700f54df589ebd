import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { codes, decodePacket, Secret, signReply, verifySignedRequest } from '#radius';

/** A switch's port for dynamic authorization (RFC 5176): it does as it is told, and counts what it can't trust. */
export class ObedientSwitch {
  private readonly socket = createSocket('udp4');
  private readonly secret: Secret;
  acknowledged = 0;
  violations = 0;

  constructor(secret: string) {
    this.secret = new Secret(secret);
    this.socket.on('message', (datagram, { address, port }) => {
      const reply = this.answer(datagram);
      if (reply) this.socket.send(reply, port, address);
    });
  }

  async listen(): Promise<number> {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return this.socket.address().port;
  }

  private answer(datagram: Buffer): Buffer | null {
    const packet = decodePacket(datagram);
    if (typeof packet === 'string' || verifySignedRequest(packet, this.secret) !== 'valid') {
      this.violations++;
      return null;
    }
    this.acknowledged++;
    const code = packet.code === codes.coaRequest ? codes.coaAck : codes.disconnectAck;
    return signReply(packet, code, [], this.secret);
  }

  close(): void {
    this.socket.close();
  }
}
