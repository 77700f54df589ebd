import type { AuthorizationStep, Session } from '#model';
import { ladderOf, type Snapshot } from '#policy/snapshot';
import { nasProfile, type NasProfile } from '#radius';
import { authorizationOf } from '../authentication/authorization.js';
import { grantFields, type AuthorizedAccess, type Decision, type RefusedAccess } from '../authentication/authorizer.js';
import type { DecisionIds } from '../authentication/decision-id.js';
import type { Client } from '../clients/client-table.js';
import type { Counters } from '../counters.js';
import type { CredentialIndex } from '../credential-index.js';
import type { DeviceIndex, DeviceKey } from '../device-index.js';
import type { Log } from '../log.js';
import type { DeliveryWatch } from '../sessions/delivery-watch.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { SnapshotStore } from '../snapshot-store.js';
import { classSteps } from './class-steps.js';
import type { CoaChannel } from './coa-channel.js';
import type { CoaClient, CoaTarget } from './coa-client.js';
import { CoaQueue, type Lane } from './coa-queue.js';
import { converge } from './convergence.js';
import { holdOf, isByPolicy } from './hold.js';
import { judgeAnswer, type Judgement } from './judge-answer.js';
import { LadderProgress, type Climb, type RetryTiming } from './ladder-progress.js';
import { Pace } from './pace.js';
import { RefusedSteps } from './refused-steps.js';
import { isShutOut, moveOf, SessionNotes } from './session-notes.js';
import { stepRequest } from './step-request.js';

const maxInFlight = 256;
/** Places that changes of policy leave free: a quarantine must not wait for a rollout's silent switches. */
const keptFree = 64;
/** So that one dead NAS does not hold all the places; policy may say less. */
const maxInFlightPerNas = 4;
const reviewedAtOnce = 2000;
const longestTimer = 86_400_000;

export interface CoaPorts {
  readonly snapshots: SnapshotStore;
  readonly devices: DeviceIndex;
  readonly credentials: CredentialIndex;
  readonly sessions: SessionTable;
  readonly client: CoaClient;
  /** The connection to tell a client over; null: by UDP, which is also the way without this. */
  readonly channelOf?: (client: Client, address: string) => CoaChannel | null;
  readonly counters: Counters;
  readonly log: Log;
  readonly delivery?: Pick<DeliveryWatch, 'acknowledged' | 'reauthenticates'>;
}

export interface CoaTiming extends RetryTiming {
  /** How long a NAS that promised to authenticate a session again may take: a supplicant that missed one frame takes 30 s. */
  readonly promise: number;
}

interface Desired {
  /** The one that decided. */
  readonly snapshot: Snapshot;
  readonly nas: Client;
  readonly profile: NasProfile;
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
 * tried again until it is no longer needed. How far it may go is the ladder of the device's class, whatever the goal.
 *
 *   differs ▶ step ─ack▶ told, or closed              ─refused▶ next step ─none left▶ diverged, later from the first step
 *                  ─promised▶ Access-Request           ─silence▶ diverged, later the same step
 *                     └─none in time▶ next step
 *
 * A change may be held back (`holdOf`), and changes of policy go no faster than the policy itself says.
 *
 * INVARIANT: a session whose NAS would do the same as before gets no packet; no session gets a step that its class forbids.
 */
export class CoaReconciler {
  private readonly queue = new CoaQueue();
  private readonly pace: Pace;
  private paced: NodeJS.Timeout | null = null;
  private orderEnds: NodeJS.Timeout | null = null;
  private readonly inFlight = new Map<string, number>();
  private readonly busy = new Set<string>();
  private readonly progress: LadderProgress;
  private readonly refused = new RefusedSteps();
  private readonly notes: SessionNotes;
  /** Sessions that their NAS said not to know. */
  private readonly disowned = new WeakSet<TrackedSession>();
  private reviewing = 0;
  private stopped = false;

  constructor(
    private readonly ports: CoaPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => Date,
    private readonly timing: CoaTiming = { firstRetry: 5_000, lastRetry: 300_000, promise: 60_000 },
    private readonly random: () => number = Math.random,
  ) {
    this.progress = new LadderProgress(timing);
    this.pace = new Pace(() => now().getTime());
    this.notes = new SessionNotes(ports, now);
  }

  get backlog(): number {
    return this.queue.size + this.busy.size + this.progress.waiting;
  }

  /** All sessions are looked at, a slice at a time, so that requests are answered in between. */
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

  /** Orders came or went; those that end by themselves are looked at when they do. */
  ordersChanged(): void {
    if (this.orderEnds) clearTimeout(this.orderEnds);
    this.orderEnds = null;
    if (this.stopped) return;
    this.reviewAll();
    const now = this.now().getTime();
    const ends = this.ports.devices.ordered.breakGlass.map(({ until }) => Date.parse(until)).filter((end) => end > now);
    if (ends.length === 0) return;
    const wait = Math.min(Math.min(...ends) - now + 1, longestTimer);
    this.orderEnds = setTimeout(() => this.ordersChanged(), wait);
  }

  /** What waits goes on waiting, unless its goal has changed. */
  review(tracked: TrackedSession): void {
    const { session } = tracked;
    const desired = this.desired(tracked);
    if (!desired) return this.progress.forget(session.id);
    if (this.settled(tracked, desired)) return;
    const climb = this.climb(tracked, desired);
    if (this.isHeld(tracked, desired, climb) || climb.timer) return;
    const lane = laneOf(tracked, desired);
    if (lane === 'policy' && this.jitter(tracked, desired, climb)) return;
    this.queue.add(session.id, session.nasAddress, lane);
    this.pump();
  }

  close(): void {
    this.stopped = true;
    for (const timer of [this.paced, this.orderEnds]) if (timer) clearTimeout(timer);
    this.progress.close();
    this.ports.client.close();
  }

  private desired({ session, ssid }: TrackedSession): Desired | null {
    const policy = this.ports.snapshots.current;
    if (!policy || session.state !== 'open') return null;
    const nas = policy.clients.ofSession(session);
    if (!nas) return null;
    const device = this.ports.devices.find(session.mac);
    const place = { nas: nas.nas, ssid };
    const { snapshot, authorizer } = policy.authorizer.policyFor(place, session.mac);
    const decision = this.hasLostItsPassword(session)
      ? passwordRemoved
      : authorizer.decide(place, device, session.method);
    return { snapshot, nas, profile: nasProfile(nas.nas.profile)!, device, decision };
  }

  /** Writes on the session what it waits for, and looks again when that may be over. */
  private isHeld(tracked: TrackedSession, desired: Desired, climb: Climb): boolean {
    const { devices } = this.ports;
    const { session } = tracked;
    const now = this.now();
    const hold = holdOf({
      ...desired,
      session,
      inUseSince: devices.inUseSince(session.mac),
      isOpened: devices.isOpened(session.mac),
      orders: devices.ordered,
      now,
    });
    if (!hold) {
      if (climb.isHeld) this.progress.release(climb);
      return false;
    }
    this.notes.held(tracked, desired.decision, hold.reason);
    const until = hold.until ? hold.until.getTime() - now.getTime() : null;
    this.progress.hold(climb, until, () => this.review(tracked));
    return true;
  }

  /** Once for each goal. */
  private jitter(tracked: TrackedSession, { snapshot }: Desired, climb: Climb): boolean {
    const { jitterSeconds } = snapshot.rollout.limits;
    if (jitterSeconds === 0 || climb.isSpread || !isFirstTry(climb)) return false;
    climb.isSpread = true;
    this.progress.wait(climb, this.random() * jitterSeconds * 1000, () => this.review(tracked));
    return true;
  }

  /** A password that was only replaced leaves the session alone: it is asked for at the next re-authentication. */
  private hasLostItsPassword({ method, mac }: Session): boolean {
    return method === 'password' && !this.ports.credentials.hasDevice(mac);
  }

  /** Nothing to send; the words of the session are brought up to date where they changed and the NAS's orders did not. */
  private settled(tracked: TrackedSession, { decision }: Desired): boolean {
    if (decision.kind === 'refused' || tracked.session.told !== decision.fingerprint) return false;
    const { session } = tracked;
    const wanted = grantFields(decision, session.decisionId);
    const same = (['class', 'posture', 'site', 'segment', 'role'] as const).every(
      (key) => wanted[key] === session[key],
    );
    this.progress.forget(session.id);
    if (same && session.convergence.state === 'settled') return true;
    const now = this.now();
    this.ports.sessions.change(tracked, { ...wanted, convergence: converge(session, 'settled', null, now) }, now);
    return true;
  }

  private climb({ session }: TrackedSession, { snapshot, profile, device, decision }: Desired): Climb {
    const dynamicAuthorization = classSteps(snapshot, device.class);
    const goal = decision.kind === 'refused' ? 'none' : decision.fingerprint;
    return this.progress.of(session.id, goal, ladderOf({ dynamicAuthorization }, profile, decision.kind === 'access'));
  }

  private pump(): void {
    while (!this.stopped && this.busy.size < maxInFlight) {
      const taken = this.queue.take(
        (lane) => this.isOpen(lane),
        (nas, lane) => this.isFree(nas, lane),
      );
      if (!taken) return;
      const { id } = taken;
      if (this.busy.has(id)) continue; // looked at again when its answer is here
      const tracked = this.ports.sessions.get(id);
      const desired = tracked && this.desired(tracked);
      if (!tracked || !desired || this.settled(tracked, desired)) continue;
      const climb = this.climb(tracked, desired);
      if (this.isHeld(tracked, desired, climb) || climb.timer) continue;
      const wait = taken.lane === 'policy' ? this.pace.take(desired.snapshot.rollout.limits.changesPerSecond) : 0;
      if (wait === 0) this.start(tracked, desired, climb);
      else {
        this.queue.add(id, tracked.session.nasAddress, taken.lane);
        this.paced ??= setTimeout(() => {
          this.paced = null;
          this.pump();
        }, wait);
      }
    }
  }

  /** What one device is about always may go. */
  private isOpen(lane: Lane): boolean {
    return lane !== 'policy' || (this.paced === null && this.busy.size < maxInFlight - keptFree);
  }

  private isFree(nas: string, lane: Lane): boolean {
    const { perSwitch } = this.ports.snapshots.current!.snapshot.rollout.limits;
    return (this.inFlight.get(nas) ?? 0) < (lane === 'policy' ? perSwitch : maxInFlightPerNas);
  }

  private start(tracked: TrackedSession, desired: Desired, climb: Climb): void {
    const { id, nasAddress } = tracked.session;
    this.busy.add(id);
    this.inFlight.set(nasAddress, (this.inFlight.get(nasAddress) ?? 0) + 1);
    void this.takeStep(tracked, desired, climb)
      .catch(() => {
        this.ports.counters.add('coa.faults');
        this.retry(tracked, climb);
      })
      .finally(() => {
        this.busy.delete(id);
        const left = (this.inFlight.get(nasAddress) ?? 1) - 1;
        if (left === 0) this.inFlight.delete(nasAddress);
        else this.inFlight.set(nasAddress, left);
        if (!this.stopped) this.review(tracked);
        this.pump();
      });
  }

  private async takeStep(tracked: TrackedSession, desired: Desired, climb: Climb): Promise<void> {
    const step = this.nextStep(tracked, desired, climb);
    if (!step) return this.exhausted(tracked, desired, climb);
    const { nas, profile, decision } = desired;
    const { sessions } = this.ports;
    const decisionId = this.decisionIds.next();
    const { kind, attributes } = stepRequest(
      step,
      profile,
      tracked.identification,
      () => authorizationOf(desired.snapshot, nas.nas, granted(decision).grant, tracked.session.mac, decisionId),
      this.now(),
    );
    const before = tracked.session.told;
    if (tracked.session.convergence.state === 'settled' || isFirstTry(climb)) this.notes.changing(tracked, decision);
    if (step === 'coa') sessions.doubt(tracked, this.now());
    if (step === 'reauthenticate') this.ports.delivery?.reauthenticates(tracked);
    const { nasAddress } = tracked.session;
    const channel = this.ports.channelOf?.(nas, nasAddress) ?? null;
    const target: CoaTarget = { address: nasAddress, port: nas.nas.coaPort, secret: nas.coaSecret, channel };
    const answer = await this.ports.client.send(kind, target, attributes);
    if (this.stopped || tracked.session.state !== 'open') return;
    // A refused request has changed nothing (RFC 5176 §2.2).
    if (step === 'coa' && answer !== 'timeout' && answer.outcome === 'nak') tracked.session.told ??= before;
    const judgement = judgeAnswer(step, answer, isShutOut(decision));
    this.notes.attempted(tracked, decision, { step, request: kind, answer, why: judgement.why });
    this.react(tracked, desired, climb, step, judgement, decisionId);
  }

  private react(
    tracked: TrackedSession,
    desired: Desired,
    climb: Climb,
    step: AuthorizationStep,
    { consequence, why }: Judgement,
    decisionId: string,
  ): void {
    const { decision, nas } = desired;
    if (consequence === 'told') return this.notes.told(tracked, granted(decision), decisionId);
    if (consequence === 'ended') return this.ended(tracked, desired, climb, why);
    if (consequence === 'never') this.refused.add(nas.nas.name, nas.nas.profile, step, this.now());
    if (!this.progress.isCurrent(tracked.session.id, climb)) return;
    climb.problem = why && `${step} was ${why}`;
    switch (consequence) {
      case 'promised':
        return this.await(tracked, climb, step);
      case 'later':
        this.notes.diverged(
          tracked,
          decision,
          why === 'no answer' ? `${step}: no answer from the switch` : climb.problem!,
        );
        return this.retry(tracked, climb);
      case 'next':
      case 'never':
        climb.position++;
    }
  }

  /**
   * A NAS that goes on speaking of a session that it said not to know is not believed a second time: it does not find
   * sessions by what its profile sends, and the device is on the network all the while.
   */
  private ended(tracked: TrackedSession, { decision }: Desired, climb: Climb, why: string | null): void {
    const now = this.now();
    if (why === null)
      return this.ports.sessions.close(tracked, `disconnected: ${moveOf(tracked.session, decision)}`, now);
    if (!this.disowned.has(tracked)) {
      this.disowned.add(tracked);
      return this.ports.sessions.close(tracked, 'the NAS does not know the session', now);
    }
    const problem = 'the switch says that it does not know the session, and goes on reporting it';
    this.notes.diverged(tracked, decision, problem);
    if (this.progress.isCurrent(tracked.session.id, climb)) this.retry(tracked, climb);
  }

  /**
   * The first step from here on that the NAS has not refused for good, and that harms nobody else. Where it has refused all of a
   * ladder nothing is saved by leaving them out: each session asks, so that a NAS that has learnt better is heard.
   */
  private nextStep(tracked: TrackedSession, desired: Desired, climb: Climb): AuthorizationStep | null {
    const { name, profile } = desired.nas.nas;
    const isRefused = (step: AuthorizationStep): boolean => this.refused.has(name, profile, step, this.now());
    const hasAnother = !climb.ladder.every(isRefused);
    for (; climb.position < climb.ladder.length; climb.position++) {
      const step = climb.ladder[climb.position]!;
      if (hasAnother && isRefused(step)) climb.problem = `the switch refuses every ${step}`;
      else if (step === 'bounce' && !this.mayBounce(tracked, desired)) climb.problem = 'others are behind the port';
      else return step;
    }
    return null;
  }

  /** Bouncing a port hits everything behind it. Where that can't be known, it is not done. */
  private mayBounce(tracked: TrackedSession, { snapshot }: Desired): boolean {
    const { session, ssid } = tracked;
    if (session.nasPort === null || ssid !== null) return false;
    return this.ports.sessions
      .others(tracked)
      .every(({ session: { mac } }) => classSteps(snapshot, this.ports.devices.find(mac).class).includes('bounce'));
  }

  private await(tracked: TrackedSession, climb: Climb, step: AuthorizationStep): void {
    this.progress.wait(climb, this.timing.promise, () => {
      climb.position++;
      climb.problem = `${step} was acknowledged, but the switch did not ask`;
      this.review(tracked);
    });
  }

  private exhausted(tracked: TrackedSession, { snapshot, device, profile, decision }: Desired, climb: Climb): void {
    const allowed = classSteps(snapshot, device.class).join(', ');
    const limit = `class \`${device.class}\` allows ${allowed} on profile \`${profile.name}\``;
    const tried = climb.problem === null ? 'no step is possible' : `${climb.problem}; no step is left`;
    this.notes.diverged(tracked, decision, `${tried}: ${limit}`);
    climb.position = 0;
    this.retry(tracked, climb);
  }

  private retry(tracked: TrackedSession, climb: Climb): void {
    if (!this.stopped) this.progress.retry(climb, () => this.review(tracked));
  }
}

/** What one device is about does not wait for what all are about. */
function laneOf({ session }: TrackedSession, desired: Desired): Lane {
  if (isByPolicy({ ...desired, session })) return 'policy';
  return isShutOut(desired.decision) ? 'urgent' : 'device';
}

const isFirstTry = ({ position, failures }: Climb): boolean => position === 0 && failures === 0;

/** A push stands on the ladder only where there is access. */
function granted(decision: Decision): AuthorizedAccess {
  if (decision.kind === 'refused') throw new TypeError('there is nothing to push');
  return decision;
}
