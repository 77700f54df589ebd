import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  integerAttribute,
  readCiscoAvPairs,
  readTaggedText,
  readText,
  Secret,
  signReply,
  types,
  verifySignedRequest,
  type Attribute,
  type Packet,
} from '#radius';
import { testSecret } from './parts.js';

/** A number: refused with this Error-Cause. */
export type NasBehaviour = 'ack' | 'silence' | 'wrong-secret' | 'nak-without-cause' | number;
export type NasCommand = 'coa' | 'reauthenticate' | 'bounce' | 'disconnect';

export interface ReceivedRequest {
  readonly kind: 'CoA-Request' | 'Disconnect-Request';
  readonly command: NasCommand;
  readonly mac: string | null;
  readonly vlan: string | null;
  readonly bytes: Buffer;
  readonly packet: Packet;
}

/** A switch's dynamic authorization port (RFC 5176). It refuses to go on when a request is not signed. */
export class FakeNas {
  readonly requests: ReceivedRequest[] = [];
  readonly violations: string[] = [];
  /** What it says to each command; a list is used up from the front, its last element stays. */
  readonly on: Record<NasCommand, NasBehaviour[]> = { coa: [], reauthenticate: [], bounce: [], disconnect: [] };
  /** Attributes of every reply, as a proxy on the way may add them. */
  replyAttributes: readonly Attribute[] = [];
  private readonly socket = createSocket('udp4');
  private readonly secret = new Secret(testSecret);
  private readonly behaviours = new Map<string, NasBehaviour>();
  private held: (() => void)[] | null = null;
  private changed = Promise.withResolvers<void>();

  async listen(host = '127.0.0.1'): Promise<number> {
    this.socket.on('message', (datagram, { address, port }) => this.receive(datagram, address, port));
    this.socket.bind(0, host);
    await once(this.socket, 'listening');
    return this.socket.address().port;
  }

  close(): void {
    this.socket.close();
  }

  /** Forgets what came, and acknowledges everything again. */
  reset(): void {
    this.requests.length = 0;
    this.behaviours.clear();
    this.replyAttributes = [];
    for (const behaviours of Object.values(this.on)) behaviours.splice(0, Infinity, 'ack');
  }

  /** Requests in the order in which they came, a retransmission not counted. */
  get distinct(): ReceivedRequest[] {
    return this.requests.filter(({ bytes }, i) => this.requests.findIndex((first) => first.bytes.equals(bytes)) === i);
  }

  get commands(): NasCommand[] {
    return this.distinct.map(({ command }) => command);
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
    const command = commandOf(packet);
    this.requests.push({
      kind: packet.code === codes.coaRequest ? 'CoA-Request' : 'Disconnect-Request',
      command,
      mac: readText(packet.attributes, types.callingStationId),
      vlan: readTaggedText(packet.attributes, types.tunnelPrivateGroupId)?.value ?? null,
      bytes: packet.bytes,
      packet,
    });
    const behaviour = this.behaviourFor(command, packet.bytes);
    const answer = (): void => this.answer(packet, behaviour, address, port);
    if (this.held) this.held.push(answer);
    else answer();
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }

  /** A retransmission gets what its request got (RFC 5176 §2.3). */
  private behaviourFor(command: NasCommand, bytes: Buffer): NasBehaviour {
    const key = bytes.toString('hex');
    const known = this.behaviours.get(key);
    if (known !== undefined) return known;
    const script = this.on[command];
    const behaviour = (script.length > 1 ? script.shift() : script[0]) ?? 'ack';
    this.behaviours.set(key, behaviour);
    return behaviour;
  }

  private answer(packet: Packet, behaviour: NasBehaviour, address: string, port: number): void {
    if (behaviour === 'silence') return;
    const isAck = behaviour === 'ack' || behaviour === 'wrong-secret';
    const ack = packet.code === codes.coaRequest ? codes.coaAck : codes.disconnectAck;
    const nak = packet.code === codes.coaRequest ? codes.coaNak : codes.disconnectNak;
    const secret = behaviour === 'wrong-secret' ? new Secret('another') : this.secret;
    const cause = typeof behaviour === 'number' ? [integerAttribute(types.errorCause, behaviour)] : [];
    this.socket.send(signReply(packet, isAck ? ack : nak, [...cause, ...this.replyAttributes], secret)!, port, address);
  }
}

function commandOf(packet: Packet): NasCommand {
  if (packet.code === codes.disconnectRequest) return 'disconnect';
  const pairs = readCiscoAvPairs(packet.attributes);
  if (pairs.includes('subscriber:command=bounce-host-port')) return 'bounce';
  return pairs.includes('subscriber:command=reauthenticate') ? 'reauthenticate' : 'coa';
}
