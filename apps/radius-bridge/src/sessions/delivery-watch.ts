import type { Delivery } from '#model';
import type { Counters } from '../counters.js';
import type { Log } from '../log.js';
import type { SessionTable } from './session-table.js';
import type { TrackedSession } from './tracked-session.js';

/** A switch that does accounting reports a session some seconds after it let the device in. */
const patience = 45_000;
const sweepMilliseconds = 5000;
/** A switch that has not accounted for so long may have been told not to. */
const accountsFor = 3_600_000;

const burstMilliseconds = 180_000;
/** Without a word of accounting in between; with it, a device may be plugged in and out. */
const silentAccepts = 3;
const anyAccepts = 6;

/**
 * Whether a NAS took what it was told: nothing in RADIUS says so. Accounting after an Access-Accept shows it, and so does the
 * acknowledgement of a CoA; a NAS that accounts, and not for this session, has ignored the reply; one that asks again and again for a
 * device that was let in does not take it. It writes that on the session and decides nothing: what to do about it is for people.
 */
export class DeliveryWatch {
  private readonly waiting = new Map<TrackedSession, number>();
  private readonly accountedAt = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly sessions: Pick<SessionTable, 'change'>,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly now: () => number,
  ) {
    this.timer = setInterval(() => this.sweep(), sweepMilliseconds).unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** `isRepeated`: of a session that is, and was told the same before. */
  accepted(tracked: TrackedSession, isRepeated: boolean): void {
    const now = this.now();
    if (!isRepeated) this.waiting.set(tracked, now);
    // A device on a radio comes and goes.
    if (tracked.session.isWireless === true) return;
    if (now - tracked.acceptsSince > burstMilliseconds) {
      tracked.acceptsSince = now;
      tracked.accepts = 1;
      return;
    }
    tracked.accepts++;
    const isSilent = tracked.accountedAt < tracked.acceptsSince;
    if (tracked.accepts >= anyAccepts || (isSilent && tracked.accepts >= silentAccepts)) this.loops(tracked, now);
  }

  /** A record of this session. */
  accounted(tracked: TrackedSession): void {
    const now = this.now();
    const isLoop = tracked.session.delivery.state === 'looping';
    // The first word of it since it asks again and again: now it has it.
    if (isLoop && tracked.accountedAt < tracked.acceptsSince) tracked.accepts = 0;
    tracked.accountedAt = now;
    this.accountedAt.set(tracked.session.nas, now);
    this.waiting.delete(tracked);
    const isLooping = isLoop && tracked.accepts > 0 && now - tracked.acceptsSince <= burstMilliseconds;
    if (!isLooping) this.set(tracked, 'confirmed', null, now);
  }

  /** The NAS acknowledged a change. */
  acknowledged(tracked: TrackedSession): void {
    this.waiting.delete(tracked);
    this.set(tracked, 'confirmed', null, this.now());
  }

  sweep(): void {
    const now = this.now();
    for (const [tracked, since] of this.waiting) {
      if (now - since < patience) break;
      this.waiting.delete(tracked);
      const { session } = tracked;
      if (session.state !== 'open' || tracked.accountedAt >= since) continue;
      const doesAccount = now - (this.accountedAt.get(session.nas) ?? Number.NEGATIVE_INFINITY) < accountsFor;
      if (!doesAccount) this.set(tracked, 'unknown', null, now);
      else
        this.fails(
          tracked,
          'ignored',
          `the switch reports sessions, and not this one, ${patience / 1000} s after it was accepted`,
        );
    }
  }

  private loops(tracked: TrackedSession, now: number): void {
    const { accepts, acceptsSince, session } = tracked;
    const seconds = Math.round((now - acceptsSince) / 1000);
    const { segment, vlan } = session;
    const reason = `the switch asked ${accepts} times within ${seconds} s for a device that was accepted: does it have \`${segment}\` (VLAN ${vlan}), and room for the ACL?`;
    this.fails(tracked, 'looping', reason);
  }

  private fails(tracked: TrackedSession, state: 'ignored' | 'looping', reason: string): void {
    const { session } = tracked;
    if (session.delivery.state !== state) {
      this.counters.addFor(session.nas, `sessions.not-taken.${state}`);
      const { mac, nas, nasPort } = session;
      this.log('warn', 'a switch does not take what it is told', { mac, nas, nasPort, reason });
    }
    this.set(tracked, state, reason, this.now());
  }

  private set(tracked: TrackedSession, state: Delivery['state'], reason: string | null, now: number): void {
    const { delivery } = tracked.session;
    if (delivery.state === state) return;
    const at = new Date(now);
    this.sessions.change(tracked, { delivery: { state, reason, since: at.toISOString() } }, at);
  }
}
