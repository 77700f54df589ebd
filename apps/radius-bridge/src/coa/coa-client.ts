import { createSocket, type Socket, type RemoteInfo } from 'node:dgram';
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

export type CoaKind = 'CoA-Request' | 'Disconnect-Request';

export interface CoaTarget {
  readonly address: string;
  readonly port: number;
  readonly secret: Secret;
}

interface Pending {
  readonly kind: CoaKind;
  readonly target: CoaTarget;
  readonly bytes: Buffer;
  readonly resolve: (answer: DynamicAuthorizationReply | 'timeout') => void;
  readonly since: number;
  tries: number;
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
      const pending: Pending = { kind, target, bytes, resolve, since: performance.now(), tries: 0, timer: null };
      this.pending.set(pendingKey(target.address, target.port, id), pending);
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
      this.settle(pendingKey(target.address, target.port, id), 'timeout');
      return;
    }
    this.counters.add(pending.tries === 0 ? 'coa.requests' : 'coa.retransmissions');
    pending.tries++;
    this.socketFor(target.address).send(bytes, target.port, target.address, (error) => {
      if (error) this.counters.add('coa.send-errors');
    });
    pending.timer = setTimeout(() => this.transmit(pending, id), wait);
  }

  private settle(key: string, answer: DynamicAuthorizationReply | 'timeout'): void {
    const pending = this.pending.get(key);
    if (!pending) return;
    if (pending.timer) clearTimeout(pending.timer);
    this.pending.delete(key);
    this.counters.took('coa.round-trip', performance.now() - pending.since);
    pending.resolve(answer);
  }

  private receive(datagram: Buffer, { address, port }: RemoteInfo): void {
    const reply = decodePacket(datagram);
    if (typeof reply === 'string') return this.counters.add('coa.dropped.malformed');
    const key = pendingKey(plainAddress(address), port, reply.id);
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
  private freeId({ address, port }: CoaTarget): number {
    const destination = `${address} ${port}`;
    let id = this.lastIds.get(destination) ?? -1;
    for (let i = 0; i < 256; i++) {
      id = (id + 1) % 256;
      if (this.pending.has(pendingKey(address, port, id))) continue;
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
      socket.on('message', (datagram, source) => this.receive(datagram, source));
      socket.on('error', () => this.counters.add('coa.send-errors'));
      this.sockets.set(type, socket);
    }
    return socket;
  }
}

const pendingKey = (address: string, port: number, id: number): string => `${address} ${port} ${id}`;
