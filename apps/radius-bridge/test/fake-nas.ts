import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  integerAttribute,
  readTaggedText,
  readText,
  Secret,
  signReply,
  types,
  verifySignedRequest,
  type Packet,
} from '#radius';
import { testSecret } from './parts.js';

export type NasBehaviour = 'ack' | 'nak' | 'silence' | 'wrong-secret' | 'unknown-session';

export interface ReceivedRequest {
  readonly kind: 'CoA-Request' | 'Disconnect-Request';
  readonly mac: string | null;
  readonly vlan: string | null;
  readonly bytes: Buffer;
  readonly packet: Packet;
}

/** A switch's dynamic authorization port (RFC 5176). It refuses to go on when a request is not signed. */
export class FakeNas {
  readonly requests: ReceivedRequest[] = [];
  readonly violations: string[] = [];
  onCoa: NasBehaviour = 'ack';
  onDisconnect: NasBehaviour = 'ack';
  private readonly socket = createSocket('udp4');
  private readonly secret = new Secret(testSecret);
  private held: (() => void)[] | null = null;
  private changed = Promise.withResolvers<void>();

  async listen(): Promise<number> {
    this.socket.on('message', (datagram, { address, port }) => this.receive(datagram, address, port));
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return this.socket.address().port;
  }

  close(): void {
    this.socket.close();
  }

  /** Keeps answers back until `release`. */
  hold(): void {
    this.held = [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const answer of held) answer();
  }

  async received(count: number): Promise<void> {
    while (this.requests.length < count) await this.changed.promise;
  }

  private receive(datagram: Buffer, address: string, port: number): void {
    const packet = decodePacket(datagram);
    if (typeof packet === 'string') return void this.violations.push(packet);
    const verdict = verifySignedRequest(packet, this.secret);
    if (verdict !== 'valid') this.violations.push(verdict);
    for (const type of [types.messageAuthenticator, types.eventTimestamp]) {
      if (!packet.attributes.some((attribute) => attribute.type === type)) this.violations.push(`no attribute ${type}`);
    }
    const isCoa = packet.code === codes.coaRequest;
    this.requests.push({
      kind: isCoa ? 'CoA-Request' : 'Disconnect-Request',
      mac: readText(packet.attributes, types.callingStationId),
      vlan: readTaggedText(packet.attributes, types.tunnelPrivateGroupId)?.value ?? null,
      bytes: packet.bytes,
      packet,
    });
    const behaviour = isCoa ? this.onCoa : this.onDisconnect;
    const answer = (): void => this.answer(packet, behaviour, address, port);
    if (this.held) this.held.push(answer);
    else answer();
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }

  private answer(packet: Packet, behaviour: NasBehaviour, address: string, port: number): void {
    if (behaviour === 'silence') return;
    const isAck = behaviour === 'ack' || behaviour === 'wrong-secret';
    const ack = packet.code === codes.coaRequest ? codes.coaAck : codes.disconnectAck;
    const nak = packet.code === codes.coaRequest ? codes.coaNak : codes.disconnectNak;
    const cause = behaviour === 'unknown-session' ? 503 : 401;
    const secret = behaviour === 'wrong-secret' ? new Secret('another') : this.secret;
    const attributes = isAck ? [] : [integerAttribute(types.errorCause, cause)];
    this.socket.send(signReply(packet, isAck ? ack : nak, attributes, secret)!, port, address);
  }
}
