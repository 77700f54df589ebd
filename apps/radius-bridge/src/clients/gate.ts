import { codes, decodePacket, readIpv4, readIpv6, types, type Packet } from '#radius';
import type { Counters } from '../counters.js';
import type { ActivePolicy, SnapshotStore } from '../snapshot-store.js';
import type { Source } from '../transport/source.js';
import type { Admission } from './admission.js';
import { plainAddress, type Client } from './client-table.js';
import type { ExceptionAudit } from './exception-audit.js';
import { isForged, type Judgement } from './message-authenticator.js';
import type { ProxiedRefusal } from './proxied-nas.js';
import type { Strangers } from './strangers.js';

/** A request that is the client's, and is served. */
export interface Admitted {
  readonly packet: Packet;
  readonly source: Source;
  /** The NAS that the request is about; of Status-Server, who sent it. */
  readonly client: Client;
  /** Where that NAS is. */
  readonly nasAddress: string;
  readonly policy: ActivePolicy;
  /** By Message-Authenticator, or by TLS. */
  readonly isSigned: boolean;
  /** When it came, by the monotonic clock, milliseconds. */
  readonly since: number;
  /** Why it was taken although it was not signed, for the record; null: it was, or TLS did. */
  readonly exception: string | null;
}

export interface GatePorts {
  readonly snapshots: SnapshotStore;
  readonly counters: Counters;
  readonly strangers: Strangers;
  readonly admission: Admission;
  readonly audit: ExceptionAudit;
}

type Judge = (packet: Packet, client: Client, isTls: boolean, now: number) => Judgement;

/**
 * What stands before all work, cheapest first: who sent it ▶ is it a packet ▶ is it signed ▶ about which NAS ▶ is it too much. What does not pass changes
 * nothing but a counter, and ends its connection where it came over one and can't be its client's.
 */
export class Gate {
  /** `name`: the port's, with which the counters begin. */
  constructor(
    private readonly name: string,
    private readonly judge: Judge,
    private readonly ports: GatePorts,
  ) {}

  admit(datagram: Buffer, source: Source, now: number, since: number): Admitted | null {
    const { snapshots, strangers, admission, audit } = this.ports;
    const policy = snapshots.current;
    if (!policy) return this.drop('no-snapshot');
    const sender = policy.clients.of(source);
    if (sender === null) {
      strangers.note(source.address);
      return this.drop('unknown-client');
    }
    if (typeof sender === 'string')
      return this.drop(sender === 'no-secret' ? 'client-without-secret' : 'client-tls-only');
    const packet = decodePacket(datagram);
    if (typeof packet === 'string') return this.drop(`malformed.${packet}`, sender, source);
    // A proxy signs by UDP and over TLS alike: it is the one place where requests of many can be changed.
    const isTls = source.connection !== undefined && sender.behind === null;
    const judgement = this.judge(packet, sender, isTls, now);
    if (!isTrust(judgement)) return this.drop(judgement, sender, isForged(judgement) ? source : undefined);
    if (judgement !== 'signed') this.count(judgement, sender);
    let client = sender;
    let nasAddress: string | null = null;
    if (sender.behind && packet.code !== codes.statusServer) {
      const about = sender.behind.find(packet);
      if (typeof about === 'string') return this.dropProxied(about, packet, sender);
      ({ client, nasAddress } = about);
    }
    const refusal = admission.refusal(packet, client, now);
    if (refusal) return this.drop(refusal, client);
    const isException = judgement === 'unsigned.exception';
    if (isException) audit.used(client, now);
    const isSigned = judgement === 'signed' || judgement === 'unsigned.over-tls';
    const exception = isException ? exceptionOf(client) : null;
    nasAddress ??= plainAddress(source.address);
    return { packet, source, client, nasAddress, policy, since, isSigned, exception };
  }

  private dropProxied(reason: ProxiedRefusal, packet: Packet, sender: Client): null {
    if (reason === 'proxied-nas-unknown') this.ports.strangers.note(strangerBehind(packet, sender));
    return this.drop(reason, sender);
  }

  /** `ends`: a source whose connection, if it has one, is over. */
  private drop(reason: string, client?: Client, ends?: Source): null {
    this.count(`dropped.${reason}`, client);
    ends?.connection?.end(reason);
    return null;
  }

  private count(what: string, client?: Client): void {
    const name = `${this.name}.${what}`;
    if (client) this.ports.counters.addFor(client.nas.name, name);
    else this.ports.counters.add(name);
  }
}

const isTrust = (judgement: Judgement): boolean => judgement === 'signed' || judgement.startsWith('unsigned.');

function strangerBehind({ attributes }: Packet, { nas }: Client): string {
  const address = readIpv4(attributes, types.nasIpAddress) ?? readIpv6(attributes, types.nasIpv6Address);
  return `${address ?? 'no address'} behind ${nas.name}`;
}

function exceptionOf({ nas: { messageAuthenticator: rule } }: Client): string | null {
  return typeof rule === 'string' ? null : `taken without Message-Authenticator until ${rule.until}: ${rule.exception}`;
}
