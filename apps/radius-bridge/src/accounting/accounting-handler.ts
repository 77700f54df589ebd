import { codes, nasProfile, readAccounting, readRequestContext, signReply, type Packet } from '#radius';
import type { Client } from '../clients/client-table.js';
import { DuplicateCache } from '../clients/duplicate-cache.js';
import type { Admitted, Gate } from '../clients/gate.js';
import type { Counters } from '../counters.js';
import type { Recorder } from '../journal/recorder.js';
import type { Source } from '../transport/source.js';
import type { AccountingSessions } from './accounting-sessions.js';

const maxCachedReplies = 50_000;
/** Requests that wait for the disk; more are dropped, and the NAS sends them again. */
const maxWaiting = 10_000;
const empty = Buffer.alloc(0);

export interface AccountingPorts {
  readonly gate: Gate;
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
    const since = performance.now();
    this.ports.counters.add('accounting.requests');
    const admitted = this.ports.gate.admit(datagram, source, this.now(), since);
    if (!admitted) return;
    const { packet, client } = admitted;
    if (packet.code === codes.statusServer) this.answerStatus(packet, client, send);
    else this.account(admitted, send);
  }

  private answerStatus(packet: Packet, client: Client, send: (reply: Buffer) => void): void {
    this.ports.counters.addFor(client.nas.name, 'accounting.status-server');
    const reply = signReply(packet, codes.accountingResponse, empty, client.secret);
    if (reply) send(reply);
  }

  private account({ packet, source, client, nasAddress, since }: Admitted, send: (reply: Buffer) => void): void {
    const { counters, recorder, sessions } = this.ports;
    const record = readAccounting(packet);
    if (!record) return this.drop('no-status-type', client);
    if (this.waiting >= maxWaiting) return this.drop('overload', client);
    const known = this.cache.begin(source, packet.id, packet.authenticator, this.now());
    if (known !== 'new') {
      counters.addFor(client.nas.name, 'accounting.duplicates');
      if (known !== 'in-progress') send(known);
      return;
    }
    const reply = signReply(packet, codes.accountingResponse, empty, client.secret);
    if (!reply) return this.drop('reply-too-long', client);
    counters.addFor(client.nas.name, `accounting.${record.status}`);
    const context = readRequestContext(packet);
    const sensed = nasProfile(client.nas.profile)?.readSensed?.(packet.attributes) ?? null;
    sessions.apply({ record, context, sensed, client, nasAddress });
    this.waiting++;
    recorder.whenDurable(() => {
      this.waiting--;
      this.cache.finish(source, packet.id, packet.authenticator, reply);
      send(reply);
      counters.took('accounting.durable', performance.now() - since);
    });
  }

  private drop(reason: string, client: Client): void {
    this.ports.counters.addFor(client.nas.name, `accounting.dropped.${reason}`);
  }
}
