import type { AuthenticationMethod } from '#model';
import type { Mac } from '#net';
import {
  answerAclDownload,
  codes,
  concatenatedAttributes,
  encodeAttributes,
  nasProfile,
  octetsAttribute,
  readAclDownload,
  readInteger,
  readOctets,
  readMacAuthentication,
  readRequestContext,
  sessionKeyAttributes,
  signReply,
  takesDownloads,
  types,
  type Attribute,
  type Packet,
  type RequestContext,
} from '#radius';
import type { Client } from '../clients/client-table.js';
import { DuplicateCache } from '../clients/duplicate-cache.js';
import type { Admitted, Gate } from '../clients/gate.js';
import type { Counters } from '../counters.js';
import type { DeviceIndex } from '../device-index.js';
import type { EapReply, EapService } from '../eap/eap-service.js';
import type { AuthenticationNote, Recorder } from '../journal/recorder.js';
import type { DecisionLog } from './decision-log.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { SnapshotStore } from '../snapshot-store.js';
import type { PacketHandler, Source } from '../transport/source.js';
import type { Turns } from '../turns.js';
import type { AclDownloads } from './acl-downloads.js';
import { acceptAttributes } from './accept-attributes.js';
import type { AuthorizedAccess } from './authorizer.js';
import type { DecisionIds } from './decision-id.js';
import { DecisionRecorder, withException, type Refusal } from './decision-recorder.js';
import { eapFailure } from './eap-failure.js';
import { readEapMessage } from './eap-message.js';
import { macRefusals } from './mac-refusals.js';
import { reauthenticationSeconds } from './reauthentication.js';

const maxCachedReplies = 100_000;
const empty = Buffer.alloc(0);

export interface AuthenticationPorts {
  readonly snapshots: SnapshotStore;
  readonly devices: DeviceIndex;
  readonly sessions: Pick<SessionTable, 'accepted'>;
  readonly recorder: Pick<Recorder, 'authentication'>;
  readonly counters: Counters;
  readonly gate: Gate;
  /** What only one process can answer: by itself, or where the others ask it. */
  readonly central: Central | PacketHandler;
}

export interface Central {
  readonly eap: EapService;
  /** In which 802.1X is worked on, so that MAC authentication need not wait for it. */
  readonly turns: Turns;
  readonly downloads: AclDownloads;
}

/**
 * The authentication port: a datagram in, a signed reply or silence out.
 *
 *   gate (client, signature, rate) ▶ duplicate cache ▶ MAC ▶ device index ▶ access table ▶ attribute block ▶ sign
 *                                                  ├▶ EAP (in its turn, TLS in a worker) ▶ its device ────────┘
 *                                                  └▶ name of an ACL ▶ that ACL (a switch that downloads)
 *
 * INVARIANT: nothing on the way of a MAC waits, and a packet that was not verified changes nothing but a counter. It does not
 * decide what a device gets (the authorizer does, from the snapshot).
 */
export class AuthenticationHandler {
  private readonly cache = new DuplicateCache(maxCachedReplies);
  /** What was decided last, until its reply goes out: nothing waits in between. */
  private decided: AuthenticationNote | null = null;
  private readonly decisions: DecisionRecorder;

  constructor(
    private readonly ports: AuthenticationPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => number,
    private readonly logDecision: DecisionLog | null = null,
  ) {
    this.decisions = new DecisionRecorder(ports, decisionIds, now);
  }

  /** `send` is called at once, later (802.1X), or never: then a counter says why. */
  handle(datagram: Buffer, source: Source, send: (reply: Buffer) => void): void {
    this.ports.counters.add('authentication.requests');
    this.take(datagram, source, send);
  }

  /** As `handle`, for what another process counted already. */
  take(datagram: Buffer, source: Source, send: (reply: Buffer) => void): void {
    const asked = this.ports.gate.admit(datagram, source, this.now(), performance.now());
    if (!asked) return;
    const { central } = this.ports;
    if (typeof central !== 'function') this.answerOnce(asked, central, send);
    else if (isForOne(asked.packet)) central(datagram, source, send);
    else this.answerOnce(asked, null, send);
  }

  private answerOnce(asked: Admitted, central: Central | null, send: (reply: Buffer) => void): void {
    const { packet, source, client } = asked;
    const known = this.cache.begin(source, packet.id, packet.authenticator, this.now());
    if (known !== 'new') {
      this.ports.counters.addFor(client.nas.name, 'authentication.duplicates');
      if (known !== 'in-progress') send(known);
      return;
    }
    const finish = (reply: Buffer | null, timedAs: string | null): void => {
      this.cache.finish(source, packet.id, packet.authenticator, reply);
      if (reply) send(reply);
      const milliseconds = performance.now() - asked.since;
      if (timedAs) this.ports.counters.took(timedAs, milliseconds);
      if (this.logDecision && this.decided) this.logDecision(this.decided, milliseconds);
      this.decided = null;
    };
    if (packet.code === codes.statusServer) finish(this.fitting(this.answerStatus(packet, client), client), null);
    else if (central && readOctets(packet.attributes, types.eapMessage))
      central.turns.later(() =>
        this.answerEap(asked, central.eap, (reply) => finish(reply, 'authentication.eap-round')),
      );
    else {
      const download = central && readAclDownload(packet);
      const reply =
        download === null ? this.answerMac(asked) : this.answerDownload(asked, central!.downloads, download);
      finish(this.fitting(reply, client), 'authentication.mac');
    }
  }

  private fitting(reply: Buffer | null, client: Client): Buffer | null {
    return reply ?? this.drop('reply-too-long', client);
  }

  private answerStatus(packet: Packet, client: Client): Buffer | null {
    this.ports.counters.addFor(client.nas.name, 'authentication.status-server');
    return signReply(packet, codes.accessAccept, empty, client.secret);
  }

  /**
   * A switch fetches the ACL that an Access-Accept named. The list is no secret of one session, but rights are in it: so only for a
   * client whose profile downloads, and only when the request is signed, whatever else that client is allowed.
   */
  private answerDownload({ packet, client, isSigned }: Admitted, downloads: AclDownloads, name: string): Buffer | null {
    const { counters } = this.ports;
    const refuse = (detail: string): Buffer | null =>
      this.reject(packet, client, readRequestContext(packet), { mac: null, reason: 'acl-download', detail });
    if (!isSigned) return this.drop('acl-download-without-message-authenticator', client);
    if (!takesDownloads(nasProfile(client.nas.profile)))
      return refuse(`profile \`${client.nas.profile}\` downloads no ACL: \`cisco-ios-xe-dacl\` does`);
    const acl = downloads.find(name);
    if (!acl)
      return refuse(
        `\`${name}\` is of a policy that is not in force any more: the session gets the new one when it authenticates`,
      );
    const part = answerAclDownload(acl, packet, client.secret);
    if (part.kind === 'bad-state')
      return refuse(`the State of the download of \`${name}\` is not one that it was given`);
    counters.addFor(client.nas.name, 'authentication.acl-downloads');
    const code = part.kind === 'last' ? codes.accessAccept : codes.accessChallenge;
    return signReply(packet, code, part.attributes, client.secret);
  }

  private answerMac(asked: Admitted): Buffer | null {
    const { packet, client, policy, exception } = asked;
    const context = readRequestContext(packet);
    const reading = readMacAuthentication(packet, context);
    if (reading.kind !== 'mac') {
      const { reason } = reading;
      const detail = withException(macRefusals[reason], exception);
      return this.reject(packet, client, context, { mac: null, reason, detail });
    }
    const { mac } = reading;
    const device = this.ports.devices.find(mac);
    const decision = policy.authorizer.decide({ nas: client.nas, ssid: context.ssid }, mac, device, 'mac');
    return decision.kind === 'refused'
      ? this.reject(packet, client, context, {
          mac,
          method: 'mac',
          reason: decision.reason,
          detail: withException(decision.detail, exception),
        })
      : this.accept({ asked, context, mac, decision, method: 'mac', eap: null });
  }

  private answerEap(asked: Admitted, eap: EapService, finish: (reply: Buffer | null) => void): void {
    const { packet, client } = asked;
    const message = readEapMessage(packet);
    if (typeof message === 'string') {
      finish(this.drop('eap-scattered', client));
      return;
    }
    const context = readRequestContext(packet);
    const { attributes } = packet;
    const request = {
      nas: client.nas.name,
      caller: context.callingStation,
      message,
      state: readOctets(attributes, types.state),
      framedMtu: readInteger(attributes, types.framedMtu),
    };
    eap.answer(request, (reply) => finish(this.answerTo(reply, asked, context)));
  }

  private answerTo(reply: EapReply, asked: Admitted, context: RequestContext): Buffer | null {
    const { packet, client } = asked;
    switch (reply.kind) {
      case 'silence':
        return this.drop(reply.reason, client);
      case 'challenge': {
        this.ports.counters.addFor(client.nas.name, 'authentication.challenges');
        const attributes = [octetsAttribute(types.state, reply.state), ...eapAttributes(reply.packet)];
        return this.fitting(signReply(packet, codes.accessChallenge, attributes, client.secret), client);
      }
      case 'failure': {
        const refusal = { mac: null, reason: 'eap-failed', detail: reply.reason };
        return this.fitting(this.reject(packet, client, context, refusal, reply.packet), client);
      }
      case 'success':
        break;
    }
    return this.fitting(this.authorize(reply, asked, context), client);
  }

  /** The device proved which one it is: policy says what it gets now, which may have changed since the conversation began. */
  private authorize(
    { packet: eap, session }: Extract<EapReply, { kind: 'success' }>,
    asked: Admitted,
    context: RequestContext,
  ): Buffer | null {
    const { packet, client } = asked;
    const { mac } = session;
    const policy = this.ports.snapshots.current ?? asked.policy;
    const device = this.ports.devices.find(mac);
    const decision = policy.authorizer.decide({ nas: client.nas, ssid: context.ssid }, mac, device, session.method);
    if (decision.kind === 'refused') {
      const { reason, detail } = decision;
      return this.reject(packet, client, context, { mac, method: session.method, reason, detail });
    }
    const keys = sessionKeyAttributes(session.masterSessionKey, packet.authenticator, client.secret);
    const own = encodeAttributes([...eapAttributes(eap), ...keys]);
    return this.accept({ asked, context, mac, decision, method: session.method, eap: own });
  }

  /** `eap`: the EAP-Failure of the conversation, where there is one. */
  private reject(
    packet: Packet,
    client: Client,
    context: RequestContext,
    refusal: Refusal,
    eap: Buffer | null = null,
  ): Buffer | null {
    this.decided = this.decisions.rejected(client.nas.name, context, refusal);
    return signReply(packet, codes.accessReject, eap ? eapAttributes(eap) : eapFailure(packet), client.secret);
  }

  private accept(accepted: Accepted): Buffer | null {
    const { asked, mac, decision, eap } = accepted;
    const { packet, client } = asked;
    const decisionId = this.decisionIds.next();
    const seconds = reauthenticationSeconds(client.nas.sessionTimeout, mac);
    const common = acceptAttributes(decision.block, seconds, decisionId);
    const attributes = eap ? Buffer.concat([common, eap]) : common;
    const reply = signReply(packet, codes.accessAccept, attributes, client.secret);
    if (reply) this.decided = this.decisions.accepted(accepted, decisionId);
    return reply;
  }

  private drop(reason: string, client?: Client): null {
    const name = `authentication.dropped.${reason}`;
    if (client) this.ports.counters.addFor(client.nas.name, name);
    else this.ports.counters.add(name);
    return null;
  }
}

/** Of a conversation that one process has, or for a list that it keeps. */
const isForOne = (packet: Packet): boolean =>
  readOctets(packet.attributes, types.eapMessage) !== null || readAclDownload(packet) !== null;

const eapAttributes = (packet: Buffer): Attribute[] => concatenatedAttributes(types.eapMessage, packet);

interface Accepted {
  readonly asked: Admitted;
  readonly context: RequestContext;
  readonly mac: Mac;
  readonly decision: AuthorizedAccess;
  readonly method: AuthenticationMethod;
  /** EAP-Success and the session's keys, encoded; null without EAP. */
  readonly eap: Buffer | null;
}
