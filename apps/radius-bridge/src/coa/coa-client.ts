import { createSocket, type Socket } from 'node:dgram';
import {
  codes,
  decodePacket,
  readDynamicAuthorizationReply,
  signRequest,
  verifyReply,
  type Attribute,
  type DynamicAuthorizationReply,
  type Secret,
} from '#radius';
import { plainAddress } from '../clients/client-table.js';
import type { Counters } from '../counters.js';
import type { CoaChannel } from './coa-channel.js';

export type CoaKind = 'CoA-Request' | 'Disconnect-Request';

export interface CoaTarget {
  readonly address: string;
  readonly port: number;
  readonly secret: Secret;
  /** A connection instead of datagrams. */
  readonly channel?: CoaChannel | null;
}

interface Pending {
  readonly kind: CoaKind;
  readonly target: CoaTarget;
  readonly bytes: Buffer;
  readonly resolve: (answer: DynamicAuthorizationReply | 'timeout') => void;
  readonly since: number;
  tries: number;
  /** Over a connection: once is enough. */
  isSent: boolean;
  timer: NodeJS.Timeout | null;
}

/**
 * Sends CoA- and Disconnect-Requests (RFC 5176) from a socket of its own and matches the replies. A retransmission is the
 * same bytes, so that the NAS can tell it from a new request; what is not signed by the NAS is no reply. It does not decide
 * what to send, nor what to do when the NAS refuses.
 */
export class CoaClient {
  private readonly sockets = new Map<'udp4' | 'udp6', Socket>();
  private readonly pending = new Map<string, Pending>();
  private readonly lastIds = new Map<string, number>();

  constructor(
    private readonly counters: Counters,
    /** Waiting times after each try, milliseconds. */
    private readonly waits: readonly number[] = [300, 600, 1200, 2400, 2400],
  ) {}

  send(
    kind: CoaKind,
    target: CoaTarget,
    attributes: readonly Attribute[],
  ): Promise<DynamicAuthorizationReply | 'timeout'> {
    const id = this.freeId(target);
    const code = kind === 'CoA-Request' ? codes.coaRequest : codes.disconnectRequest;
    const bytes = signRequest(code, id, attributes, target.secret);
    return new Promise((resolve) => {
      const since = performance.now();
      const pending: Pending = { kind, target, bytes, resolve, since, tries: 0, isSent: false, timer: null };
      this.pending.set(pendingKey(destinationOf(target), id), pending);
      this.transmit(pending, id);
    });
  }

  close(): void {
    for (const { timer, resolve } of this.pending.values()) {
      if (timer) clearTimeout(timer);
      resolve('timeout');
    }
    this.pending.clear();
    for (const socket of this.sockets.values()) socket.close();
    this.sockets.clear();
  }

  private transmit(pending: Pending, id: number): void {
    const { target, bytes } = pending;
    const wait = this.waits[pending.tries];
    if (wait === undefined) {
      this.counters.add('coa.timeouts');
      if (pending.isSent) target.channel?.unanswered();
      this.settle(pendingKey(destinationOf(target), id), 'timeout');
      return;
    }
    if (target.channel) this.sendOver(target.channel, pending);
    else {
      this.counters.add(pending.tries === 0 ? 'coa.requests' : 'coa.retransmissions');
      this.socketFor(target.address).send(bytes, target.port, target.address, (error) => {
        if (error) this.counters.add('coa.send-errors');
      });
    }
    pending.tries++;
    pending.timer = setTimeout(() => this.transmit(pending, id), wait);
  }

  /** RFC 6613 §2.6.1: what is sent over a connection is not sent again. A connection that is only being opened is tried again. */
  private sendOver(channel: CoaChannel, pending: Pending): void {
    if (pending.isSent) return;
    pending.isSent = channel.send(pending.bytes);
    if (pending.isSent) this.counters.add('coa.requests');
  }

  private settle(key: string, answer: DynamicAuthorizationReply | 'timeout'): void {
    const pending = this.pending.get(key);
    if (!pending) return;
    if (pending.timer) clearTimeout(pending.timer);
    this.pending.delete(key);
    this.counters.took('coa.round-trip', performance.now() - pending.since);
    pending.resolve(answer);
  }

  /** `from`: address and port, or the name of a channel. */
  receive(packet: Buffer, from: string): void {
    const reply = decodePacket(packet);
    if (typeof reply === 'string') return this.counters.add('coa.dropped.malformed');
    const key = pendingKey(from, reply.id);
    const pending = this.pending.get(key);
    if (!pending) return this.counters.add('coa.dropped.unexpected');
    const signature = verifyReply(reply, pending.bytes.subarray(4, 20), pending.target.secret);
    if (signature !== 'valid') return this.counters.add(`coa.dropped.${signature}`);
    const answer = readDynamicAuthorizationReply(reply, pending.kind);
    if (!answer) return this.counters.add('coa.dropped.unexpected');
    this.counters.add(`coa.${answer.outcome}`);
    this.settle(key, answer);
  }

  /** Identifiers count up per NAS, so that a late reply meets a request of another age as rarely as can be. */
  private freeId(target: CoaTarget): number {
    const destination = destinationOf(target);
    let id = this.lastIds.get(destination) ?? -1;
    for (let i = 0; i < 256; i++) {
      id = (id + 1) % 256;
      if (this.pending.has(pendingKey(destination, id))) continue;
      this.lastIds.set(destination, id);
      return id;
    }
    throw new Error(`256 requests to ${destination} are in flight`);
  }

  private socketFor(address: string): Socket {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    let socket = this.sockets.get(type);
    if (!socket) {
      socket = createSocket(type);
      socket.on('message', (datagram, { address, port }) => this.receive(datagram, `${plainAddress(address)} ${port}`));
      socket.on('error', () => this.counters.add('coa.send-errors'));
      this.sockets.set(type, socket);
    }
    return socket;
  }
}

const destinationOf = ({ address, port, channel }: CoaTarget): string => channel?.name ?? `${address} ${port}`;
const pendingKey = (destination: string, id: number): string => `${destination} ${id}`;
