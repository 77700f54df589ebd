import { parseMac, type Mac } from '#net';
import type { AccountingRecord, RequestContext, Sensed } from '#radius';
import type { Fingerprint, Session } from '#model';
import { grantFields, siteOf } from '../authentication/authorizer.js';
import { readDecisionId } from '../authentication/decision-id.js';
import type { Client } from '../clients/client-table.js';
import type { Counters } from '../counters.js';
import type { DeviceIndex } from '../device-index.js';
import type { Log } from '../log.js';
import { identificationOf, isWireless, portOf } from '../sessions/identification.js';
import { isInSegment } from '../sessions/in-segment.js';
import { pickGrant, type SessionGrant, type SessionTable } from '../sessions/session-table.js';
import type { DeliveryWatch } from '../sessions/delivery-watch.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import type { ActivePolicy, SnapshotStore } from '../snapshot-store.js';
import { beganAt, happenedAt } from './happened-at.js';

/** A verified Accounting-Request, read. */
export interface AccountingReport {
  readonly record: AccountingRecord;
  readonly context: RequestContext;
  /** What the NAS tells that the device says of itself. */
  readonly sensed: Sensed | null;
  readonly client: Client;
  readonly nasAddress: string;
}

export const maxAddresses = 16;

/**
 * What accounting says about sessions. Records may come late, twice, out of order, or without the Start that should have
 * come first: each is applied so that the order does not matter, and what it lacks is made up.
 *
 * A session first heard of here has no known authorization: it counts as never told, and the CoA reconciler tells it.
 */
export class AccountingSessions {
  constructor(
    private readonly sessions: SessionTable,
    private readonly devices: DeviceIndex,
    private readonly snapshots: SnapshotStore,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly now: () => Date,
    private readonly delivery: Pick<DeliveryWatch, 'accounted'> = { accounted: () => undefined },
  ) {}

  apply(report: AccountingReport): void {
    const { record } = report;
    switch (record.status) {
      case 'accounting-on':
      case 'accounting-off':
        return this.nasRestarted(report);
      case 'start':
      case 'interim':
      case 'stop':
        return this.session(report);
      case 'other':
        return;
    }
  }

  /** Sessions that began before the restart are over; a late copy of the record must not end those that began since. */
  private nasRestarted(report: AccountingReport): void {
    const now = this.now();
    const restart = happenedAt(report.record, now.getTime());
    const reason = report.record.status === 'accounting-on' ? 'the NAS restarted' : 'the NAS is going down';
    for (const tracked of this.sessions.open()) {
      if (!isOf(tracked, report) || Date.parse(tracked.session.startedAt) > restart) continue;
      tracked.stopped = true;
      this.sessions.close(tracked, reason, now);
    }
  }

  private session(report: AccountingReport): void {
    const { record, context, client } = report;
    const mac = context.callingStation ?? parseMac(context.userName ?? '');
    if (!mac) return this.counters.addFor(client.nas.name, 'accounting.ignored.no-mac');
    const tracked = this.find(report, mac) ?? this.create(report, mac);
    if (!tracked) return this.counters.add('sessions.untracked');
    if (tracked.stopped) return this.counters.addFor(client.nas.name, 'accounting.ignored.after-stop');
    const now = this.now();
    const startedAt = startOf(tracked, record, now);
    this.sessions.heard(tracked, context, now.getTime());
    const { session } = tracked;
    const change: Partial<Session> = {
      startedAt,
      // A record that was overtaken by a later one must not turn the counters back.
      inputOctets: Math.max(session.inputOctets, record.inputOctets),
      outputOctets: Math.max(session.outputOctets, record.outputOctets),
      ...this.addresses(report, session),
      fingerprint: learn(session.fingerprint, report.sensed),
    };
    if (record.status === 'stop') Object.assign(change, this.ending(tracked, record, now));
    else if (session.state === 'open' || !this.isSucceeded(tracked))
      Object.assign(change, { state: 'open', endedAt: null, endReason: null });
    this.sessions.change(tracked, change, now);
    if (record.status !== 'stop') this.delivery.accounted(tracked);
  }

  /** Why a session ended that we had ended ourselves is known better here than by the NAS. */
  private ending(tracked: TrackedSession, record: AccountingRecord, now: Date): Partial<Session> {
    const { session } = tracked;
    tracked.stopped = true;
    if (session.state === 'closed') return {};
    const ended = Math.max(happenedAt(record, now.getTime()), Date.parse(session.startedAt));
    const endReason = record.terminateCause ?? 'the NAS gave no cause';
    return { state: 'closed', endedAt: new Date(ended).toISOString(), endReason };
  }

  /** Another session of the device is on the port: a late record must not bring this one back beside it. */
  private isSucceeded({ session: { mac, nas, nasPort } }: TrackedSession): boolean {
    return this.sessions.openAt(mac, nas, nasPort) !== null;
  }

  /** By the NAS's id, then by our decision in Class, then by the port. */
  private find(report: AccountingReport, mac: Mac): TrackedSession | null {
    const { record, context, client } = report;
    const siblings = this.sessions.ofMac(mac).filter(({ session }) => session.nas === client.nas.name);
    const decisions = decisionsIn(record);
    const named = siblings.find(({ session }) => session.state === 'open' && decisions.includes(session.decisionId));
    const byId = this.byId(siblings, report);
    // A NAS may count its ids from the start again: what it calls by an old name is the session that our decision names.
    if (byId && !(byId.stopped && named?.session.acctSessionId === null)) return byId;
    // A late record of an earlier session must not be taken for one of the session that is on the port now.
    const byPort = record.status === 'start' || decisions.length === 0;
    const candidate = named ?? (byPort ? this.sessions.openAt(mac, client.nas.name, portOf(context)) : null);
    if (!candidate) return null;
    if (candidate.session.acctSessionId === null || record.sessionId === null) return candidate;
    return record.status === 'start' || named ? this.succeed(candidate, decisions) : null;
  }

  /** An id may come again after a restart of the NAS: the session that goes on has it, or one that began after the old one ended. */
  private byId(siblings: readonly TrackedSession[], { record, nasAddress }: AccountingReport): TrackedSession | null {
    if (record.sessionId === null) return null;
    const same = siblings.filter(({ session }) => session.acctSessionId === record.sessionId);
    const [best] = same.sort((a, b) => rank(b, nasAddress) - rank(a, nasAddress));
    if (!best) return null;
    const { stopped, session } = best;
    const isReused =
      stopped &&
      record.status === 'start' &&
      record.eventTimestamp !== null &&
      happenedAt(record, this.now().getTime()) > Date.parse(session.endedAt ?? session.updatedAt);
    return isReused ? null : best;
  }

  /** The NAS began a new session where we knew another: it has what the old one was last told, if Class says so. */
  private succeed(old: TrackedSession, decisions: readonly string[]): TrackedSession | null {
    const { session } = old;
    this.sessions.close(old, 'another session began on the port', this.now());
    if (!decisions.includes(session.decisionId)) return null;
    const { mac, nas, nasAddress, isWireless: wireless, method } = session;
    const identification = { ...old.identification, acctSessionId: null };
    const origin = { mac, nas, nasAddress, ssid: old.ssid, isWireless: wireless, method, identification };
    return this.sessions.create(origin, pickGrant(session), session.told, this.now());
  }

  private create({ record, context, client, nasAddress }: AccountingReport, mac: Mac): TrackedSession | null {
    const policy = this.snapshots.current;
    if (!policy) return null;
    const origin = {
      mac,
      nas: client.nas.name,
      nasAddress,
      ssid: context.ssid,
      isWireless: isWireless(context.ssid, context.nasPortType),
      method: 'mac' as const,
      identification: identificationOf(context, mac),
    };
    const now = this.now();
    const began = new Date(beganAt(record, now.getTime()));
    return this.sessions.create(origin, this.presumedGrant(policy, client, context, mac), null, now, { began });
  }

  /** What it should have: shown until the NAS was told. */
  private presumedGrant(policy: ActivePolicy, client: Client, context: RequestContext, mac: Mac): SessionGrant {
    const device = this.devices.find(mac);
    const place = { nas: client.nas, ssid: context.ssid };
    const decision = policy.authorizer.decide(place, mac, device, 'mac');
    if (decision.kind === 'access') return grantFields(decision, 'none');
    return {
      class: device.class,
      posture: device.posture === 'normal' ? 'unverified' : device.posture,
      site: siteOf(place),
      segment: 'none',
      vlan: 0,
      role: device.class,
      rule: 'none',
      decisionId: 'none',
      snapshotDigest: policy.snapshot.digest,
    };
  }

  /** An address outside the segment is not the device's to have: class membership must not follow it. */
  private addresses(
    { context, client }: AccountingReport,
    session: Session,
  ): Pick<Session, 'addresses' | 'addressesAt' | 'strayAddresses'> {
    const { current } = this.snapshots;
    const told = context.framedAddresses;
    const valid = told.filter((text) => isInSegment(current, session, text));
    const outside = told.filter((text) => !valid.includes(text));
    if (outside.length > 0) {
      this.counters.addFor(client.nas.name, 'accounting.ignored.address-outside-segment');
      this.log('warn', 'address is outside the prefixes of the segment and is ignored', {
        mac: session.mac,
        nas: session.nas,
        segment: session.segment,
        site: session.site,
        addresses: outside,
      });
    }
    const families = new Set(valid.map((text) => text.includes(':')));
    const kept = session.addresses.filter(
      (text) => !families.has(text.includes(':')) && isInSegment(current, session, text),
    );
    // A record that names no address says nothing of them.
    const strayAddresses = told.length === 0 ? session.strayAddresses : outside.slice(0, maxAddresses);
    const addressesAt = valid.length > 0 ? this.now().toISOString() : session.addressesAt;
    return { addresses: [...kept, ...valid].slice(0, maxAddresses), addressesAt, strayAddresses };
  }
}

/**
 * A Start that gives a session its name, and carries what we decided last, began it at that decision: accepts that named none may have been of
 * sessions before, whose ends another bridge heard.
 */
function startOf({ session, toldAt }: TrackedSession, record: AccountingRecord, now: Date): string {
  const isBegun =
    record.status === 'start' && session.acctSessionId === null && decisionsIn(record).includes(session.decisionId);
  if (!isBegun) return session.startedAt;
  const decided = Math.min(toldAt, happenedAt(record, now.getTime()));
  return new Date(Math.max(decided, Date.parse(session.startedAt))).toISOString();
}

/** Those that the NAS repeats in Class. */
const decisionsIn = ({ classes }: AccountingRecord): string[] =>
  classes.flatMap((value) => readDecisionId(value) ?? []);

/** A record that leaves a field out does not take it back. What says nothing new is not kept: most records repeat what is known. */
function learn(known: Fingerprint | null, sensed: Sensed | null): Fingerprint | null {
  if (!sensed) return known;
  const isNew = Object.entries(sensed).some(([field, text]) => known?.[field as keyof Fingerprint] !== text);
  return isNew ? { ...known, ...sensed } : known;
}

/** Open ones first, and of these those that the NAS reported from the same address. */
const rank = ({ session }: TrackedSession, nasAddress: string): number =>
  (session.state === 'open' ? 2 : 0) + (session.nasAddress === nasAddress ? 1 : 0);

const differ = (known: string | null, told: string | null): boolean =>
  known !== null && told !== null && known !== told;

/**
 * Whether the record is about the NAS that has the session. Behind a proxy all have its address, so what they call themselves
 * counts, too; an access point reports one of its networks at a time (RFC 3580 §3.20).
 */
function isOf(
  { session, identification, ssid }: TrackedSession,
  { client, context, nasAddress }: AccountingReport,
): boolean {
  return (
    session.nas === client.nas.name &&
    session.nasAddress === nasAddress &&
    !differ(identification.nasIdentifier, context.nasIdentifier) &&
    !differ(identification.nasIpAddress, context.nasIpAddress) &&
    !differ(ssid, context.ssid)
  );
}
