import type { Clock } from '#base';
import type { BridgeEvents, BridgeEventsAnswer } from '#model';
import type { HistoryLimits } from '../history/retention.js';
import type { Log } from '../log.js';
import type { ActivePolicy } from '../policy/policy-loop.js';
import type { LiveSessions } from '../sessions/live-sessions.js';
import type { Database } from '../store/database.js';
import type { Turns } from '../turns.js';
import type { Wakeups } from '../wakeups.js';
import type { BridgeFeed } from './feed.js';
import { checkOrder, storeEvents, type Pace } from './store-events.js';

/** Some tens of milliseconds of the one thread; a batch may have a thousand. */
const pieceOfEvents = 40;
/** Milliseconds that a unit of work that nobody calls urgent may wait for a whole transaction of ours. */
const patience = 150;

/** Takes in what bridges saw, and wakes whoever depends on it once it is durable. */
export class EventIntake {
  constructor(
    private readonly database: Database,
    private readonly turns: Pick<Turns, 'isUrgent'>,
    private readonly live: Pick<LiveSessions, 'reported'>,
    private readonly feed: Pick<BridgeFeed, 'offer'>,
    private readonly policy: { readonly active: ActivePolicy | null },
    private readonly wakeups: Wakeups,
    private readonly clock: Clock,
    private readonly limits: HistoryLimits,
    private readonly log: Log,
  ) {}

  /** Answers once all of it is durable. */
  async take(batch: BridgeEvents): Promise<BridgeEventsAnswer> {
    checkOrder(batch);
    for (let { events } = batch; ;) {
      const answer = await this.takeSome({ ...batch, events });
      events = events.filter(({ seq }) => seq > answer.stored);
      if (events.length === 0) return answer;
    }
  }

  /** Each commit waits for the disk: one for all that comes, as long as nobody else needs the database or the thread. */
  private pace(): Pace {
    const patientUntil = performance.now() + patience;
    return {
      events: pieceOfEvents,
      goesOn: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return !this.turns.isUrgent && (!this.database.isAwaited || performance.now() < patientUntil);
      },
    };
  }

  private async takeSome(batch: BridgeEvents): Promise<BridgeEventsAnswer> {
    const snapshot = this.policy.active?.snapshot ?? null;
    const stored = await storeEvents(this.database, batch, this.clock.now(), this.limits, snapshot, this.pace());
    if (stored.problem !== null)
      this.log.error('suspicions were not looked for in what a bridge reported', {
        bridge: batch.bridge,
        problem: stored.problem,
      });
    if (stored.untold !== null)
      this.log.error('nobody was told what became of sessions', { bridge: batch.bridge, problem: stored.untold });
    if (stored.devicesChanged) this.wakeups.fire('devices');
    this.live.reported(stored.sessions);
    this.feed.offer(stored.offers);
    if (stored.sessions.length > 0) this.wakeups.fire('sessions');
    if (stored.authentications > 0) this.wakeups.fire('authentications');
    return stored.answer;
  }
}
