import { isSuccessor, lastHeard, maxSucceeded, wentOnWith, type Session, type SessionElsewhere } from '#model';
import type { Log } from '../log.js';
import type { SnapshotStore } from '../snapshot-store.js';
import { isInSegment } from './in-segment.js';
import { pickGrant, type SessionTable } from './session-table.js';
import type { TrackedSession } from './tracked-session.js';

/**
 * What other bridges have of a device that has a session here. A NAS that gets no answer from one bridge goes on with the next, and
 * tells neither: the bridge that it spoke to later says on its session which ones at other bridges that one takes the place of, and
 * has what is known of them; the bridge that it spoke to earlier then ends its own. The controller only carries the sessions to and
 * fro.
 *
 * INVARIANT: of a session that several bridges know, the one that heard of it last is left. What the NAS was told, and which addresses
 * the device has, are what the bridge knows that was told, or told them, last.
 */
export class SessionsElsewhere {
  constructor(
    private readonly sessions: SessionTable,
    private readonly snapshots: SnapshotStore,
    private readonly log: Log,
    private readonly now: () => Date,
  ) {}

  take({ bridge, session: theirs }: SessionElsewhere): void {
    const theirTime = Date.parse(lastHeard(theirs));
    for (const tracked of this.sessions.ofMac(theirs.mac)) {
      const { session: ours } = tracked;
      if (ours.nas !== theirs.nas) continue;
      if (tracked.aliveAt > theirTime) this.succeed(tracked, bridge, theirs);
      else if (ours.state === 'open' && isSuccessor(theirs, ours)) {
        const { mac, nas, nasPort } = ours;
        this.log('info', 'a switch went on with another bridge', { mac, nas, nasPort, bridge });
        this.sessions.close(tracked, wentOnWith(bridge), this.now());
      }
    }
  }

  private succeed(tracked: TrackedSession, bridge: string, theirs: Session): void {
    const { session: ours } = tracked;
    const relation = relationOf(ours, theirs);
    if (theirs.state !== 'open' || relation === 'none') return;
    if (isSuccessor(ours, theirs)) return;
    const { id, revision } = theirs;
    const others = ours.succeeds.filter((known) => known.id !== id);
    const inherited = ours.state === 'open' && relation === 'same' ? this.inherited(tracked, theirs) : {};
    const { mac, nas, nasPort } = ours;
    if (others.length === ours.succeeds.length)
      this.log('info', 'a switch came from another bridge', { mac, nas, nasPort, bridge });
    const succeeds = [{ id, revision }, ...others].slice(0, maxSucceeded);
    this.sessions.change(tracked, { ...inherited, succeeds }, this.now());
  }

  private inherited(tracked: TrackedSession, theirs: Session): Partial<Session> {
    const { session: ours } = tracked;
    const told = theirs.told !== null && isLater(theirs.toldAt, tracked.toldAt) ? pickTold(theirs) : {};
    if (told.toldAt) tracked.toldAt = Date.parse(told.toldAt);
    const isRenamed = differ(ours, theirs);
    if (theirs.acctSessionId !== null && (ours.acctSessionId === null || isRenamed))
      tracked.identification = { ...tracked.identification, acctSessionId: theirs.acctSessionId };
    return {
      ...told,
      ...this.addresses(
        { ...ours, ...told, ...(isRenamed && isBefore(ours.addressesAt, theirs.startedAt) && noAddresses) },
        theirs,
      ),
      acctSessionId: tracked.identification.acctSessionId,
      startedAt: isRenamed || isOlder(theirs, ours) ? theirs.startedAt : ours.startedAt,
      inputOctets: Math.max(ours.inputOctets, theirs.inputOctets),
      outputOctets: Math.max(ours.outputOctets, theirs.outputOctets),
      fingerprint: ours.fingerprint ?? theirs.fingerprint,
      ...(ours.lastCoa === null && { lastCoa: theirs.lastCoa, earlierCoa: theirs.earlierCoa }),
    };
  }

  /** Of each family those that were reported last. */
  private addresses(ours: Session, theirs: Session): Pick<Session, 'addresses' | 'addressesAt'> {
    const valid = theirs.addresses.filter((text) => isInSegment(this.snapshots.current, ours, text));
    const isNewer = isLater(theirs.addressesAt, Date.parse(ours.addressesAt ?? '1970-01-01T00:00:00.000Z'));
    const [first, then] = isNewer ? [valid, ours.addresses] : [ours.addresses, valid];
    const families = new Set(first.map(isV6));
    return {
      addresses: [...first, ...then.filter((text) => !families.has(isV6(text)))],
      addressesAt: isNewer ? theirs.addressesAt : ours.addressesAt,
    };
  }
}

/**
 * `same`: one session of the NAS; `replaced`: theirs was on the port before. What the NAS calls by another name on another port is another
 * session, which it may have beside ours. One that began later on our port ended what we call by the old name: what we heard since is about
 * that one, and named none.
 */
function relationOf(ours: Session, theirs: Session): 'same' | 'replaced' | 'none' {
  if (ours.acctSessionId !== null && ours.acctSessionId === theirs.acctSessionId) return 'same';
  if (ours.nasPort !== theirs.nasPort) return 'none';
  return differ(ours, theirs) && ours.startedAt >= theirs.startedAt ? 'replaced' : 'same';
}

const differ = ({ acctSessionId: ours }: Session, { acctSessionId: theirs }: Session): boolean =>
  ours !== null && theirs !== null && ours !== theirs;

/** A session without a name may have been of one before ours. */
const isOlder = (theirs: Session, ours: Session): boolean =>
  theirs.startedAt < ours.startedAt && (ours.acctSessionId === null || ours.acctSessionId === theirs.acctSessionId);

const noAddresses = { addresses: [], addressesAt: null };

const isBefore = (at: string | null, other: string): boolean => at === null || at < other;

const isLater = (at: string | null, milliseconds: number): boolean => at !== null && Date.parse(at) > milliseconds;

const isV6 = (text: string): boolean => text.includes(':');

function pickTold(session: Session): Partial<Session> {
  const { told, toldAt, method, convergence, delivery } = session;
  return { ...pickGrant(session), told, toldAt, method, convergence, delivery };
}
