import { randomUUID } from 'node:crypto';
import type { AuthenticationMethod, Session } from '#model';
import type { Mac } from '#net';
import type { SessionIdentification } from '#radius';
import { converge } from '../coa/convergence.js';
import {
  identificationOf,
  isWireless,
  mergeIdentification,
  portOf,
  type HeardIdentification,
} from './identification.js';
import { stampHeard, type TrackedSession } from './tracked-session.js';

/** What the NAS was told with an Access-Accept or an acknowledged CoA, as it stands in the session. */
export type SessionGrant = Pick<
  Session,
  'class' | 'posture' | 'site' | 'segment' | 'vlan' | 'role' | 'rule' | 'decisionId' | 'snapshotDigest'
>;

export function pickGrant(session: Session): SessionGrant {
  const { class: name, posture, site, segment, vlan, role, rule, decisionId, snapshotDigest } = session;
  return { class: name, posture, site, segment, vlan, role, rule, decisionId, snapshotDigest };
}

export interface SessionOrigin {
  readonly mac: Mac;
  readonly nas: string;
  readonly nasAddress: string;
  readonly ssid: string | null;
  readonly isWireless: boolean | null;
  readonly method: AuthenticationMethod;
  readonly identification: SessionIdentification;
}

/** An Access-Accept that goes out. */
export interface Acceptance extends Omit<SessionOrigin, 'identification' | 'isWireless'> {
  readonly heard: HeardIdentification & { readonly nasPortType?: number | null };
  readonly grant: Omit<SessionGrant, 'decisionId'>;
  readonly decisionId: string;
  /** Fingerprint of what the NAS is told. */
  readonly told: string;
}

export interface SessionListener {
  /** Called after each change that others should know of; `revision` has grown. */
  readonly onChange: (tracked: TrackedSession) => void;
  /**
   * A re-authentication changed nothing but the name of the decision and the time: a flood of them must cost little. Who
   * writes the session down calls `stampRefreshed` first.
   */
  readonly onRefresh: (tracked: TrackedSession) => void;
  readonly onForgotten: (id: string) => void;
  /** An Access-Accept for it went out; `isRepeated`: that told it what it was told before. */
  readonly onAccepted: (tracked: TrackedSession, isRepeated: boolean) => void;
}

/** Closed sessions are kept so that a late or repeated record finds them. */
const keptMilliseconds = 3_600_000;

/**
 * All sessions of all NASes, open ones and those that ended lately, by MAC. It keeps what was told and heard; it does not
 * decide what a session should get (the authorizer does) nor talk to a NAS.
 */
export class SessionTable {
  private readonly byId = new Map<string, TrackedSession>();
  private readonly byMac = new Map<string, TrackedSession[]>();

  constructor(
    private readonly maxSessions: number,
    private readonly listener: SessionListener,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  all(): IterableIterator<TrackedSession> {
    return this.byId.values();
  }

  /** As an array, because the caller may close some while it goes through them. */
  open(): TrackedSession[] {
    return [...this.byId.values()].filter(({ session }) => session.state === 'open');
  }

  countOpen(): number {
    let count = 0;
    for (const { session } of this.byId.values()) if (session.state === 'open') count++;
    return count;
  }

  get(id: string): TrackedSession | null {
    return this.byId.get(id) ?? null;
  }

  ofMac(mac: string): readonly TrackedSession[] {
    return this.byMac.get(mac) ?? [];
  }

  load(tracked: TrackedSession): void {
    this.byId.set(tracked.session.id, tracked);
    const siblings = this.byMac.get(tracked.session.mac);
    if (siblings) siblings.push(tracked);
    else this.byMac.set(tracked.session.mac, [tracked]);
  }

  /** The open session of this device on this port of this NAS. Where there are several: the one with this id, else that heard of last. */
  openAt(mac: string, nas: string, nasPort: string | null, acctSessionId: string | null = null): TrackedSession | null {
    const siblings = this.byMac.get(mac);
    if (!siblings) return null;
    let found: TrackedSession | null = null;
    for (const tracked of siblings) {
      const { session } = tracked;
      if (session.state !== 'open' || session.nas !== nas || session.nasPort !== nasPort) continue;
      if (acctSessionId !== null && session.acctSessionId === acctSessionId) return tracked;
      if (!found || tracked.aliveAt > found.aliveAt) found = tracked;
    }
    return found;
  }

  /** Open sessions of other devices on the port of this one. */
  others({ session }: TrackedSession): TrackedSession[] {
    return this.open().filter(
      ({ session: other }) =>
        other.nas === session.nas && other.nasPort === session.nasPort && other.mac !== session.mac,
    );
  }

  /**
   * `told`: fingerprint of what the NAS was told, null when that is not known. Gives null when the table is full: the
   * device is served all the same, but can't be told of changes. `successorOf`: the session that it takes the place of at its port, without
   * an end that the NAS told. A NAS that asks again and again may make a session of each try.
   */
  create(
    origin: SessionOrigin,
    grant: SessionGrant,
    told: string | null,
    now: Date,
    { began = now, successorOf = null }: { began?: Date; successorOf?: TrackedSession | null } = {},
  ): TrackedSession | null {
    if (this.byId.size >= this.maxSessions) return null;
    const tracked: TrackedSession = {
      session: newSession(origin, grant, told, now, began),
      identification: origin.identification,
      ssid: origin.ssid,
      aliveAt: now.getTime(),
      toldAt: told === null ? 0 : now.getTime(),
      stopped: false,
      accountedAt: successorOf?.accountedAt ?? 0,
      accepts: successorOf?.accepts ?? 0,
      acceptsSince: successorOf?.acceptsSince ?? 0,
    };
    if (successorOf?.session.delivery.state === 'looping') tracked.session.delivery = successorOf.session.delivery;
    this.load(tracked);
    this.listener.onChange(tracked);
    return tracked;
  }

  /** An Access-Accept went out. False when the table is full. */
  accepted(acceptance: Acceptance, now: number): boolean {
    const { mac, nas, nasAddress, ssid, method, heard, grant, decisionId, told } = acceptance;
    const known = this.openAt(mac, nas, portOf(heard), heard.acctSessionId);
    if (known && this.ofMac(mac).length > 1) this.closeOthers(known, heard.acctSessionId, new Date(now));
    if (known && isSame(known, acceptance)) {
      this.refresh(known, acceptance, now);
      this.listener.onAccepted(known, true);
      return true;
    }
    const at = new Date(now);
    if (!known || isAnother(known.session.acctSessionId, heard.acctSessionId)) {
      if (known) this.close(known, 'another session began on the port', at);
      const identification = identificationOf(heard, mac);
      const origin = {
        mac,
        nas,
        nasAddress,
        ssid,
        isWireless: isWireless(ssid, heard.nasPortType),
        method,
        identification,
      };
      const created = this.create(origin, { ...grant, decisionId }, told, at, { successorOf: known });
      if (created) this.listener.onAccepted(created, false);
      return created !== null;
    }
    this.heard(known, heard, now);
    known.ssid = ssid;
    const convergence = converge(known.session, 'settled', null, at);
    const isRepeated = known.session.told === told && known.session.segment === grant.segment;
    this.tell(known, told, { ...grant, decisionId, nasAddress, method, convergence }, at);
    this.listener.onAccepted(known, isRepeated);
    return true;
  }

  /** A record of a session that began at another bridge may have come before the end of the one that was on the port. */
  private closeOthers({ session }: TrackedSession, acctSessionId: string | null, now: Date): void {
    const { id, mac, nas, nasPort } = session;
    for (const other of this.ofMac(mac)) {
      const { session: one } = other;
      if (one.id === id || one.nas !== nas || one.nasPort !== nasPort) continue;
      if (isAnother(one.acctSessionId, acctSessionId)) this.close(other, 'another session began on the port', now);
    }
  }

  private refresh(tracked: TrackedSession, { heard, grant, decisionId, ssid, method }: Acceptance, now: number): void {
    this.heard(tracked, heard, now);
    tracked.ssid = ssid;
    const { session } = tracked;
    session.method = method;
    session.decisionId = decisionId;
    session.rule = grant.rule;
    session.snapshotDigest = grant.snapshotDigest;
    tracked.toldAt = now;
    this.listener.onRefresh(tracked);
  }

  /** The NAS spoke of this session. */
  heard(tracked: TrackedSession, identification: HeardIdentification, now: number): void {
    tracked.identification = mergeIdentification(tracked.identification, identification);
    tracked.session.acctSessionId = tracked.identification.acctSessionId;
    tracked.aliveAt = now;
  }

  change(tracked: TrackedSession, change: Partial<Session>, now: Date): void {
    amend(tracked, change, now);
    this.listener.onChange(tracked);
  }

  /**
   * A new order is on its way to the NAS. Until it is answered, and for good when it is not, nobody knows which order is in
   * force: the answer may be lost where the request was not.
   */
  doubt(tracked: TrackedSession, now: Date): void {
    this.change(tracked, { told: null }, now);
  }

  /** The NAS was told, and has it. */
  tell(tracked: TrackedSession, told: string, change: Partial<Session>, now: Date): void {
    tracked.toldAt = now.getTime();
    this.change(tracked, { ...change, told }, now);
  }

  close(tracked: TrackedSession, reason: string, now: Date): void {
    if (tracked.session.state === 'closed') return;
    this.change(tracked, { state: 'closed', endedAt: now.toISOString(), endReason: reason }, now);
  }

  /** Closes sessions without a sign of life for twice their NAS's session timeout, and forgets what ended long ago. */
  expire(now: Date, sessionTimeoutOf: (nas: string) => number): void {
    const time = now.getTime();
    for (const tracked of this.byId.values()) {
      const { session } = tracked;
      if (session.state === 'open') {
        const limit = 2000 * sessionTimeoutOf(session.nas);
        if (time - tracked.aliveAt > limit) this.close(tracked, 'no sign of life for two session timeouts', now);
      } else if (time - Date.parse(session.updatedAt) > keptMilliseconds) this.forget(tracked);
    }
  }

  private forget({ session }: TrackedSession): void {
    this.byId.delete(session.id);
    const left = this.ofMac(session.mac).filter((other) => other.session.id !== session.id);
    if (left.length > 0) this.byMac.set(session.mac, left);
    else this.byMac.delete(session.mac);
    this.listener.onForgotten(session.id);
  }
}

function amend(tracked: TrackedSession, change: Partial<Session>, now: Date): void {
  const { session } = tracked;
  Object.assign(session, change);
  stampHeard(tracked);
  session.revision++;
  session.updatedAt = now.toISOString();
}

/** Makes a refresh known: it has changed the session, but not yet its revision. */
export function stampRefreshed(tracked: TrackedSession): void {
  const { session } = tracked;
  stampHeard(tracked);
  session.revision++;
  session.updatedAt = session.heardAt!;
}

/** Both are known, and differ. */
const isAnother = (known: string | null, heard: string | null): boolean =>
  known !== null && heard !== null && known !== heard;

/** The NAS is told what it was told before, about the session that we know. */
function isSame({ session }: TrackedSession, { heard, grant, nasAddress, told }: Acceptance): boolean {
  return (
    session.told === told &&
    session.convergence.state === 'settled' &&
    (heard.acctSessionId === null || session.acctSessionId === heard.acctSessionId) &&
    session.nasAddress === nasAddress &&
    session.class === grant.class &&
    session.posture === grant.posture &&
    session.site === grant.site &&
    session.segment === grant.segment &&
    session.vlan === grant.vlan &&
    session.role === grant.role
  );
}

function newSession(origin: SessionOrigin, grant: SessionGrant, told: string | null, now: Date, began: Date): Session {
  const at = now.toISOString();
  return {
    ...grant,
    id: randomUUID(),
    revision: 1,
    state: 'open',
    mac: origin.mac,
    nas: origin.nas,
    nasAddress: origin.nasAddress,
    nasPort: portOf(origin.identification),
    isWireless: origin.isWireless,
    acctSessionId: origin.identification.acctSessionId,
    method: origin.method,
    addresses: [],
    addressesAt: null,
    fingerprint: null,
    startedAt: began.toISOString(),
    updatedAt: at,
    endedAt: null,
    endReason: null,
    inputOctets: 0,
    outputOctets: 0,
    lastCoa: null,
    earlierCoa: [],
    delivery: { state: told === null ? 'unknown' : 'waiting', since: at, reason: null },
    strayAddresses: [],
    told,
    toldAt: told === null ? null : at,
    heardAt: at,
    succeeds: [],
    convergence:
      told === null
        ? { state: 'changing', since: at, reason: 'what the NAS was told is not known' }
        : { state: 'settled', since: at, reason: null },
  };
}
