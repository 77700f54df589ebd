import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  readOctets,
  readTaggedText,
  readText,
  signReply,
  signRequest,
  types,
  verifyReply,
  verifySignedRequest,
  type Attribute,
  type Packet,
  type Secret,
} from '#radius';

const transmissions = 5;
const patience = 2000;

interface Waiting {
  readonly datagram: Buffer;
  readonly port: number;
  readonly settle: (reply: Packet | null) => void;
  sent: number;
  timer: NodeJS.Timeout | null;
}

/** What a switch was told of a device that is on it. */
export interface Told {
  readonly mac: string;
  /** Null: it was told to end the session. */
  readonly vlan: number | null;
  readonly decision: Buffer | null;
}

/**
 * One switch with one socket, on an address of its own: it asks for its devices and reports their sessions (RFC 2865, RFC 2866), and does what
 * it is told when that is signed (RFC 5176). What is not counts as a violation.
 */
export class NetworkSwitch {
  private readonly socket = createSocket({ type: 'udp4', recvBufferSize: 256 * 1024 });
  private readonly waiting = new Map<number, Waiting>();
  /** By Identifier: what was told last under it, which a retransmission repeats. */
  private readonly served = new Map<number, Buffer>();
  private lastId = 0;
  retransmissions = 0;
  violations = 0;
  repeated = 0;

  readonly address: string;
  private readonly secret: Secret;
  private readonly onTold: (told: Told) => void;

  constructor(address: string, secret: Secret, onTold: (told: Told) => void) {
    this.address = address;
    this.secret = secret;
    this.onTold = onTold;
    this.socket.on('message', (datagram, { address, port }) => this.receive(datagram, address, port));
  }

  async listen(port: number): Promise<void> {
    this.socket.bind(port, this.address);
    await once(this.socket, 'listening');
  }

  /** Null: nobody answered, however often it was asked. */
  ask(
    port: number,
    code: typeof codes.accessRequest | typeof codes.accountingRequest,
    attributes: readonly Attribute[],
  ): Promise<Packet | null> {
    const id = this.freeId();
    const random = code === codes.accessRequest ? randomBytes(16) : undefined;
    const datagram = signRequest(code, id, attributes, this.secret, random);
    return new Promise((settle) => {
      const waiting: Waiting = { datagram, port, settle, sent: 0, timer: null };
      this.waiting.set(id, waiting);
      this.transmit(id, waiting);
    });
  }

  close(): void {
    this.socket.close();
  }

  private freeId(): number {
    for (let n = 0; n < 256; n++) {
      this.lastId = (this.lastId + 1) % 256;
      if (!this.waiting.has(this.lastId)) return this.lastId;
    }
    throw new Error(`${this.address} has 256 requests out`);
  }

  private transmit(id: number, waiting: Waiting): void {
    if (waiting.sent === transmissions) return this.settle(id, waiting, null);
    if (waiting.sent++ > 0) this.retransmissions++;
    this.socket.send(waiting.datagram, waiting.port, '127.0.0.1');
    waiting.timer = setTimeout(() => this.transmit(id, waiting), patience);
  }

  private settle(id: number, waiting: Waiting, reply: Packet | null): void {
    if (waiting.timer) clearTimeout(waiting.timer);
    this.waiting.delete(id);
    waiting.settle(reply);
  }

  private receive(datagram: Buffer, address: string, port: number): void {
    const packet = decodePacket(datagram);
    if (typeof packet === 'string') return void this.violations++;
    if (packet.code === codes.coaRequest || packet.code === codes.disconnectRequest)
      return this.obey(packet, address, port);
    const waiting = this.waiting.get(packet.id);
    // A late answer to what was sent again and answered meanwhile.
    if (!waiting || waiting.port !== port) return;
    if (verifyReply(packet, waiting.datagram.subarray(4, 20), this.secret) !== 'valid') return void this.violations++;
    this.settle(packet.id, waiting, packet);
  }

  private obey(packet: Packet, address: string, port: number): void {
    if (verifySignedRequest(packet, this.secret) !== 'valid') return void this.violations++;
    const isAck = packet.code === codes.coaRequest ? codes.coaAck : codes.disconnectAck;
    this.socket.send(signReply(packet, isAck, [], this.secret)!, port, address);
    if (this.served.get(packet.id)?.equals(packet.authenticator)) return void this.repeated++;
    this.served.set(packet.id, Buffer.from(packet.authenticator));
    const mac = readText(packet.attributes, types.callingStationId);
    if (mac === null) return void this.violations++;
    const vlan = readTaggedText(packet.attributes, types.tunnelPrivateGroupId)?.value;
    this.onTold({
      mac: mac.replaceAll('-', ':').toLowerCase(),
      vlan: vlan === undefined ? null : Number(vlan),
      decision: readOctets(packet.attributes, types.class),
    });
  }
}
