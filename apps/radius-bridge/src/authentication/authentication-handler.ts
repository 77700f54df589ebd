import type { Mac } from '#net';
import {
  codes,
  decodePacket,
  readMacAuthentication,
  readRequestContext,
  signReply,
  verifyMessageAuthenticator,
  type MacRefusal,
  type NotMac,
  type Packet,
  type RequestContext,
} from '#radius';
import { plainAddress, type Client } from '../clients/client-table.js';
import { DuplicateCache, duplicateKey } from '../clients/duplicate-cache.js';
import type { Counters } from '../counters.js';
import type { DeviceIndex } from '../device-index.js';
import type { Recorder } from '../journal/recorder.js';
import { portOf } from '../sessions/identification.js';
import type { Acceptance, SessionTable } from '../sessions/session-table.js';
import type { ActivePolicy, SnapshotStore } from '../snapshot-store.js';
import type { Source } from '../udp-server.js';
import { acceptAttributes } from './accept-attributes.js';
import type { AuthorizedAccess } from './authorizer.js';
import type { DecisionIds } from './decision-id.js';
import { eapFailure } from './eap-failure.js';
import { reauthenticationSeconds } from './reauthentication.js';

const maxCachedReplies = 100_000;
const empty = Buffer.alloc(0);

const refusals: Record<MacRefusal | NotMac, string> = {
  'repeated-attribute': 'User-Name or Calling-Station-Id stands twice in the request',
  'no-calling-station-id': 'MAC authentication without Calling-Station-Id: let the switch send it',
  'bad-calling-station-id': 'Calling-Station-Id is not the MAC address of a device',
  'mac-mismatch': 'User-Name and Calling-Station-Id are different MAC addresses',
  'no-user-name': 'the request has no User-Name',
  'user-name-not-a-mac': 'the user name is not a MAC address: only MAC authentication is served',
  eap: '802.1X (EAP) is not served: only MAC authentication is',
};

export interface AuthenticationPorts {
  readonly snapshots: SnapshotStore;
  readonly devices: DeviceIndex;
  readonly sessions: SessionTable;
  readonly recorder: Recorder;
  readonly counters: Counters;
}

/**
 * The authentication port: a datagram in, a signed reply or silence out.
 *
 *   decode ▶ client ▶ Message-Authenticator ▶ duplicate cache ▶ MAC ▶ device index ▶ access table ▶ attribute block ▶ sign
 *
 * INVARIANT: nothing on this way waits, and a packet that was not verified changes nothing but a counter. It does not decide
 * what a device gets (the authorizer does, from the snapshot).
 */
export class AuthenticationHandler {
  private readonly cache = new DuplicateCache(maxCachedReplies);

  constructor(
    private readonly ports: AuthenticationPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => number,
  ) {}

  /** `null`: silence, and a counter says why. */
  handle(datagram: Buffer, source: Source): Buffer | null {
    const { counters, snapshots } = this.ports;
    counters.add('authentication.requests');
    const packet = decodePacket(datagram);
    if (typeof packet === 'string') return this.drop(`malformed.${packet}`);
    const policy = snapshots.current;
    if (!policy) return this.drop('no-snapshot');
    const client = policy.clients.find(source.address);
    if (client === null) return this.drop('unknown-client');
    if (client === 'no-secret') return this.drop('client-without-secret');
    if (packet.code !== codes.accessRequest && packet.code !== codes.statusServer) {
      return this.drop('unexpected-code', client);
    }
    const signature = verifyMessageAuthenticator(packet, client.secret);
    if (signature !== 'valid') return this.drop(`message-authenticator-${signature}`, client);
    return this.answerOnce(packet, source, client, policy);
  }

  private answerOnce(packet: Packet, source: Source, client: Client, policy: ActivePolicy): Buffer | null {
    const key = duplicateKey(source.address, source.port, packet.id);
    const known = this.cache.begin(key, packet.authenticator, this.now());
    if (known !== 'new') {
      this.ports.counters.addFor(client.nas.name, 'authentication.duplicates');
      return known === 'in-progress' ? null : known;
    }
    const reply =
      packet.code === codes.statusServer
        ? this.answerStatus(packet, client)
        : this.answerAccess(packet, source, client, policy);
    this.cache.finish(key, packet.authenticator, reply);
    return reply ?? this.drop('reply-too-long', client);
  }

  private answerStatus(packet: Packet, client: Client): Buffer | null {
    this.ports.counters.addFor(client.nas.name, 'authentication.status-server');
    return signReply(packet, codes.accessAccept, empty, client.secret);
  }

  private answerAccess(packet: Packet, source: Source, client: Client, policy: ActivePolicy): Buffer | null {
    const context = readRequestContext(packet);
    const reading = readMacAuthentication(packet);
    if (reading.kind !== 'mac') {
      const { reason } = reading;
      return this.reject(packet, client, context, { mac: null, reason, detail: refusals[reason] });
    }
    const { mac } = reading;
    const device = this.ports.devices.find(mac);
    const decision = policy.authorizer.decide({ nas: client.nas, ssid: context.ssid }, device, 'mac');
    return decision.kind === 'refused'
      ? this.reject(packet, client, context, { mac, reason: decision.reason, detail: decision.detail })
      : this.accept({ packet, source, client, context, mac, decision });
  }

  private reject(packet: Packet, client: Client, context: RequestContext, refusal: Refusal): Buffer | null {
    this.ports.counters.addFor(client.nas.name, 'authentication.rejects');
    this.ports.counters.add(`authentication.reject.${refusal.reason}`);
    this.ports.recorder.authentication({
      at: this.now(),
      mac: refusal.mac ?? context.callingStation,
      nas: client.nas.name,
      nasPort: portOf(context),
      outcome: 'reject',
      reason: refusal.detail,
      segment: null,
      decisionId: this.decisionIds.next(),
    });
    return signReply(packet, codes.accessReject, eapFailure(packet), client.secret);
  }

  private accept(accepted: Accepted): Buffer | null {
    const { packet, client, mac, decision } = accepted;
    const decisionId = this.decisionIds.next();
    const seconds = reauthenticationSeconds(client.nas.sessionTimeout, mac);
    const attributes = acceptAttributes(decision.block, seconds, decisionId);
    const reply = signReply(packet, codes.accessAccept, attributes, client.secret);
    if (reply) this.record(accepted, decisionId);
    return reply;
  }

  private record({ source, client, context, mac, decision }: Accepted, decisionId: string): void {
    const { counters, recorder, sessions } = this.ports;
    const now = this.now();
    const nas = client.nas.name;
    counters.addFor(nas, 'authentication.accepts');
    const acceptance: Acceptance = {
      mac,
      nas,
      nasAddress: plainAddress(source.address),
      ssid: context.ssid,
      method: 'mac',
      heard: context,
      grant: decision.session,
      decisionId,
      told: decision.fingerprint,
    };
    if (!sessions.accepted(acceptance, now)) counters.add('sessions.untracked');
    recorder.authentication({
      at: now,
      mac,
      nas,
      nasPort: portOf(context),
      outcome: 'accept',
      reason: decision.reason,
      segment: decision.session.segment,
      decisionId,
    });
  }

  private drop(reason: string, client?: Client): null {
    const name = `authentication.dropped.${reason}`;
    if (client) this.ports.counters.addFor(client.nas.name, name);
    else this.ports.counters.add(name);
    return null;
  }
}

interface Refusal {
  readonly mac: Mac | null;
  /** A counter's name. */
  readonly reason: string;
  readonly detail: string;
}

interface Accepted {
  readonly packet: Packet;
  readonly source: Source;
  readonly client: Client;
  readonly context: RequestContext;
  readonly mac: Mac;
  readonly decision: AuthorizedAccess;
}
