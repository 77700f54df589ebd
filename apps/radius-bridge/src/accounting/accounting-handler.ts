import {
  codes,
  decodePacket,
  readAccounting,
  readRequestContext,
  signReply,
  verifyMessageAuthenticator,
  verifySignedRequest,
  type Packet,
} from '#radius';
import { plainAddress, type Client } from '../clients/client-table.js';
import { DuplicateCache, duplicateKey } from '../clients/duplicate-cache.js';
import type { Counters } from '../counters.js';
import type { Recorder } from '../journal/recorder.js';
import type { SnapshotStore } from '../snapshot-store.js';
import type { Source } from '../udp-server.js';
import type { AccountingSessions } from './accounting-sessions.js';

const maxCachedReplies = 50_000;
/** Requests that wait for the disk; more are dropped, and the NAS sends them again. */
const maxWaiting = 10_000;
const empty = Buffer.alloc(0);

export interface AccountingPorts {
  readonly snapshots: SnapshotStore;
  readonly sessions: AccountingSessions;
  readonly recorder: Recorder;
  readonly counters: Counters;
}

/**
 * The accounting port (RFC 2866): verifies, has the sessions updated, and answers once that is on disk.
 *
 * INVARIANT: an Accounting-Response means that a crash at any later moment does not lose the record.
 */
export class AccountingHandler {
  private readonly cache = new DuplicateCache(maxCachedReplies);
  private waiting = 0;

  constructor(
    private readonly ports: AccountingPorts,
    private readonly now: () => number,
  ) {}

  handle(datagram: Buffer, source: Source, send: (reply: Buffer) => void): void {
    const { counters, snapshots } = this.ports;
    const since = performance.now();
    counters.add('accounting.requests');
    const packet = decodePacket(datagram);
    if (typeof packet === 'string') return this.drop(`malformed.${packet}`);
    const policy = snapshots.current;
    if (!policy) return this.drop('no-snapshot');
    const client = policy.clients.find(source.address);
    if (client === null) return this.drop('unknown-client');
    if (client === 'no-secret') return this.drop('client-without-secret');
    if (packet.code === codes.statusServer) return this.answerStatus(packet, client, send);
    if (packet.code !== codes.accountingRequest) return this.drop('unexpected-code', client);
    const signature = verifySignedRequest(packet, client.secret);
    if (signature !== 'valid') return this.drop(signature, client);
    this.account(packet, source, client, since, send);
  }

  private answerStatus(packet: Packet, client: Client, send: (reply: Buffer) => void): void {
    const signature = verifyMessageAuthenticator(packet, client.secret);
    if (signature !== 'valid') return this.drop(`message-authenticator-${signature}`, client);
    this.ports.counters.addFor(client.nas.name, 'accounting.status-server');
    const reply = signReply(packet, codes.accountingResponse, empty, client.secret);
    if (reply) send(reply);
  }

  private account(packet: Packet, source: Source, client: Client, since: number, send: (reply: Buffer) => void): void {
    const { counters, recorder, sessions } = this.ports;
    const record = readAccounting(packet);
    if (!record) return this.drop('no-status-type', client);
    if (this.waiting >= maxWaiting) return this.drop('overload', client);
    const key = duplicateKey(source.address, source.port, packet.id);
    const known = this.cache.begin(key, packet.authenticator, this.now());
    if (known !== 'new') {
      counters.addFor(client.nas.name, 'accounting.duplicates');
      if (known !== 'in-progress') send(known);
      return;
    }
    const reply = signReply(packet, codes.accountingResponse, empty, client.secret);
    if (!reply) return this.drop('reply-too-long', client);
    counters.addFor(client.nas.name, `accounting.${record.status}`);
    const context = readRequestContext(packet);
    sessions.apply({ record, context, client, nasAddress: plainAddress(source.address) });
    this.waiting++;
    recorder.whenDurable(() => {
      this.waiting--;
      this.cache.finish(key, packet.authenticator, reply);
      send(reply);
      counters.took('accounting.durable', performance.now() - since);
    });
  }

  private drop(reason: string, client?: Client): void {
    const name = `accounting.dropped.${reason}`;
    if (client) this.ports.counters.addFor(client.nas.name, name);
    else this.ports.counters.add(name);
  }
}
