import type { CoaOutcome } from '#model';
import { coaRequest, disconnectRequest, nasProfile, type DynamicAuthorizationReply } from '#radius';
import { authorizationOf } from '../authentication/authorization.js';
import { grantFields, type AuthorizedAccess, type Decision, type RefusedAccess } from '../authentication/authorizer.js';
import type { DecisionIds } from '../authentication/decision-id.js';
import type { Client } from '../clients/client-table.js';
import type { Counters } from '../counters.js';
import type { CredentialIndex } from '../credential-index.js';
import type { DeviceIndex, DeviceKey } from '../device-index.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { ActivePolicy, SnapshotStore } from '../snapshot-store.js';
import type { CoaChannel } from './coa-channel.js';
import type { CoaClient, CoaKind, CoaTarget } from './coa-client.js';
import { CoaQueue } from './coa-queue.js';
import { outcomeCounter } from './outcome-counter.js';

const maxInFlight = 32;
/** So that one dead NAS does not hold all the places. */
const maxInFlightPerNas = 4;
const reviewedAtOnce = 2000;
const sessionContextNotFound = 503;

export interface CoaPorts {
  readonly snapshots: SnapshotStore;
  readonly devices: DeviceIndex;
  readonly credentials: CredentialIndex;
  readonly sessions: SessionTable;
  readonly client: CoaClient;
  /** The connection to tell a client over; null: by UDP, which is also the way without this. */
  readonly channelOf?: (client: Client, address: string) => CoaChannel | null;
  readonly counters: Counters;
}

export interface CoaTiming {
  readonly firstRetry: number;
  readonly lastRetry: number;
}

interface Desired {
  readonly policy: ActivePolicy;
  readonly nas: Client;
  readonly device: DeviceKey;
  readonly decision: Decision;
}

const passwordRemoved: RefusedAccess = {
  kind: 'refused',
  reason: 'no-credential',
  detail: 'the password that let the device in was removed',
};

/**
 * Brings live sessions to what they should have now: desired = f(snapshot, device index, credentials), compared with what the NAS was
 * last told. Level-triggered: a change only says "look again", what is sent is computed when it is sent, and what failed is
 * tried again until it is no longer needed.
 *
 *   differs ▶ CoA-Request ─ack▶ told        no grant, or CoA refused ▶ Disconnect-Request ─ack▶ closed
 *                         ─silence▶ later    or none for this make    ─refused or silence▶ later
 *
 * INVARIANT: a session whose NAS would do the same as before gets no packet.
 */
export class CoaReconciler {
  private readonly queue = new CoaQueue();
  private readonly inFlight = new Map<string, number>();
  private readonly busy = new Set<string>();
  private readonly failures = new Map<string, number>();
  private readonly retries = new Map<string, NodeJS.Timeout>();
  private reviewing = 0;
  private stopped = false;

  constructor(
    private readonly ports: CoaPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => Date,
    private readonly timing: CoaTiming = { firstRetry: 5_000, lastRetry: 300_000 },
  ) {}

  get backlog(): number {
    return this.queue.size + this.busy.size + this.retries.size;
  }

  /** The snapshot changed: all sessions are looked at, a slice at a time, so that requests are answered in between. */
  reviewAll(): void {
    const review = ++this.reviewing;
    const sessions = this.ports.sessions.open();
    const slice = (from: number): void => {
      if (this.stopped || review !== this.reviewing) return;
      for (const tracked of sessions.slice(from, from + reviewedAtOnce)) this.review(tracked);
      if (from + reviewedAtOnce < sessions.length) setImmediate(() => slice(from + reviewedAtOnce));
    };
    slice(0);
  }

  reviewDevice(mac: string): void {
    for (const tracked of this.ports.sessions.ofMac(mac)) this.review(tracked);
  }

  review(tracked: TrackedSession): void {
    const desired = this.desired(tracked);
    if (!desired || this.settled(tracked, desired)) return;
    const { session } = tracked;
    const urgent = desired.decision.kind === 'refused' || desired.decision.grant.posture === 'quarantined';
    this.queue.add(session.id, session.nasAddress, urgent);
    this.pump();
  }

  close(): void {
    this.stopped = true;
    for (const timer of this.retries.values()) clearTimeout(timer);
    this.ports.client.close();
  }

  private desired({ session, ssid }: TrackedSession): Desired | null {
    const policy = this.ports.snapshots.current;
    if (!policy || session.state !== 'open') return null;
    const nas = policy.clients.ofSession(session);
    if (!nas) return null;
    const device = this.ports.devices.find(session.mac);
    const decision = this.hasLostItsPassword(session)
      ? passwordRemoved
      : policy.authorizer.decide({ nas: nas.nas, ssid }, device, session.method);
    return { policy, nas, device, decision };
  }

  /** A password that was only replaced leaves the session alone: it is asked for at the next re-authentication. */
  private hasLostItsPassword({ method, mac }: TrackedSession['session']): boolean {
    return method === 'password' && !this.ports.credentials.hasDevice(mac);
  }

  /** Nothing to send; the words of the session are brought up to date where they changed and the NAS's orders did not. */
  private settled(tracked: TrackedSession, { decision }: Desired): boolean {
    if (decision.kind === 'refused' || tracked.told !== decision.fingerprint) return false;
    const { session } = tracked;
    const wanted = grantFields(decision, session.decisionId);
    const same = (['class', 'posture', 'site', 'segment', 'role'] as const).every(
      (key) => wanted[key] === session[key],
    );
    if (!same) this.ports.sessions.change(tracked, wanted, this.now());
    this.forgetFailures(session.id);
    return true;
  }

  private pump(): void {
    while (!this.stopped && this.busy.size < maxInFlight) {
      const id = this.queue.take((nas) => (this.inFlight.get(nas) ?? 0) < maxInFlightPerNas);
      if (id === null) return;
      if (this.busy.has(id)) continue; // looked at again when its answer is here
      const tracked = this.ports.sessions.get(id);
      const desired = tracked && this.desired(tracked);
      if (!tracked || !desired || this.settled(tracked, desired)) continue;
      this.start(tracked, desired);
    }
  }

  private start(tracked: TrackedSession, desired: Desired): void {
    const { id, nasAddress } = tracked.session;
    this.cancelRetry(id);
    this.busy.add(id);
    this.inFlight.set(nasAddress, (this.inFlight.get(nasAddress) ?? 0) + 1);
    void this.bring(tracked, desired)
      .catch(() => {
        this.ports.counters.add('coa.faults');
        this.retryLater(tracked);
      })
      .finally(() => {
        this.busy.delete(id);
        const left = (this.inFlight.get(nasAddress) ?? 1) - 1;
        if (left === 0) this.inFlight.delete(nasAddress);
        else this.inFlight.set(nasAddress, left);
        if (!this.retries.has(id)) this.review(tracked);
        this.pump();
      });
  }

  private async bring(tracked: TrackedSession, desired: Desired): Promise<void> {
    const { decision } = desired;
    if (decision.kind === 'refused') return this.disconnect(tracked, desired, decision.detail);
    const { session } = tracked;
    const reason = `${session.segment} (VLAN ${session.vlan}) to ${decision.grant.segment} (VLAN ${decision.grant.vlan})`;
    const profile = nasProfile(desired.nas.nas.profile)!;
    if (profile.changeOfAuthorization === 'disconnect') return this.disconnect(tracked, desired, reason);
    const decisionId = this.decisionIds.next();
    const authorization = authorizationOf(
      desired.policy.snapshot,
      desired.nas.nas,
      decision.grant,
      session.mac,
      decisionId,
    );
    const attributes = coaRequest(profile, tracked.identification, authorization, this.now());
    const before = tracked.told;
    if (profile.changeOfAuthorization === 'push') this.ports.sessions.doubt(tracked);
    const answer = await this.send('CoA-Request', tracked, desired, attributes, reason);
    if (tracked.session.state !== 'open') return;
    if (answer === 'timeout') return this.retryLater(tracked);
    if (answer.outcome === 'nak') {
      tracked.told ??= before; // a refused request has changed nothing (RFC 5176 §2.2)
      return this.disconnect(tracked, desired, `CoA-Request was refused: ${reason}`);
    }
    // A NAS that only promised to ask again is told by the Access-Accept that follows; if it does not ask, we do.
    if (profile.changeOfAuthorization === 'reauthenticate') return this.retryLater(tracked);
    this.told(tracked, decision, decisionId);
  }

  private told(tracked: TrackedSession, decision: AuthorizedAccess, decisionId: string): void {
    tracked.told = decision.fingerprint;
    this.forgetFailures(tracked.session.id);
    this.ports.sessions.change(tracked, grantFields(decision, decisionId), this.now());
  }

  private async disconnect(tracked: TrackedSession, desired: Desired, reason: string): Promise<void> {
    const profile = nasProfile(desired.nas.nas.profile)!;
    const attributes = disconnectRequest(profile, tracked.identification, this.now());
    const answer = await this.send('Disconnect-Request', tracked, desired, attributes, reason);
    if (tracked.session.state !== 'open') return;
    if (answer === 'timeout') return this.retryLater(tracked);
    if (answer.outcome === 'ack') return this.ports.sessions.close(tracked, `disconnected: ${reason}`, this.now());
    if (answer.errorCause !== sessionContextNotFound) return this.retryLater(tracked);
    this.ports.sessions.close(tracked, 'the NAS does not know the session', this.now());
  }

  private async send(
    request: CoaKind,
    tracked: TrackedSession,
    { nas }: Desired,
    attributes: Parameters<CoaClient['send']>[2],
    what: string,
  ): Promise<DynamicAuthorizationReply | 'timeout'> {
    const { nasAddress } = tracked.session;
    const channel = this.ports.channelOf?.(nas, nasAddress) ?? null;
    const target: CoaTarget = { address: nasAddress, port: nas.nas.coaPort, secret: nas.coaSecret, channel };
    const answer = await this.ports.client.send(request, target, attributes);
    if (this.stopped) return answer;
    this.ports.counters.addFor(nas.nas.name, outcomeCounter(request, answer));
    const lastCoa: CoaOutcome = {
      at: this.now().toISOString(),
      request,
      outcome: answer === 'timeout' ? 'timeout' : answer.outcome,
      errorCause: answer === 'timeout' ? null : answer.errorCause,
      reason: answer === 'timeout' ? `${what}: no answer` : answer.cause ? `${what}: ${answer.cause}` : what,
    };
    this.ports.sessions.change(tracked, { lastCoa }, this.now());
    return answer;
  }

  private retryLater(tracked: TrackedSession): void {
    const { id } = tracked.session;
    if (this.stopped) return;
    const failures = this.failures.get(id) ?? 0;
    this.failures.set(id, failures + 1);
    this.cancelRetry(id);
    const wait = Math.min(this.timing.firstRetry * 2 ** failures, this.timing.lastRetry);
    const retry = setTimeout(() => {
      this.retries.delete(id);
      this.review(tracked);
    }, wait);
    this.retries.set(id, retry);
  }

  private forgetFailures(id: string): void {
    this.failures.delete(id);
    this.cancelRetry(id);
  }

  private cancelRetry(id: string): void {
    const timer = this.retries.get(id);
    if (timer) clearTimeout(timer);
    this.retries.delete(id);
  }
}
