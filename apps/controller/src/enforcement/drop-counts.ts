import type { RolloutBaseline } from '../store/rows.js';

export interface DropCount {
  readonly site: string;
  /** In all, since it is counted. */
  readonly packets: number;
  readonly since: string;
  readonly at: Date;
}

/** A firewall is asked for its counters every half minute: less than two readings say nothing. */
const shortest = 60_000;

/** How much firewalls drop, as they were last asked: what a rollout compares with. It decides nothing. */
export class DropCounts {
  private readonly points = new Map<string, DropCount>();

  set(point: string, count: DropCount): void {
    this.points.set(point, count);
  }

  forget(point: string): void {
    this.points.delete(point);
  }

  baseline(): RolloutBaseline['denied'] {
    return Object.fromEntries(
      [...this.points].map(([name, { packets, since, at }]) => {
        const seconds = Math.max(1, (at.getTime() - Date.parse(since)) / 1000);
        return [name, { packets, at: at.toISOString(), perSecond: packets / seconds }];
      }),
    );
  }

  /** Packets per second at firewalls of these sites, before and since; null: nothing to compare yet. */
  compare(before: RolloutBaseline['denied'], sites: ReadonlySet<string>): { before: number; now: number } | null {
    const sums = { before: 0, now: 0 };
    let compared = 0;
    for (const [name, { site, packets, at }] of this.points) {
      const was = before[name];
      if (!was || !sites.has(site) || at.getTime() - Date.parse(was.at) < shortest) continue;
      sums.before += was.perSecond;
      sums.now += ((packets - was.packets) * 1000) / (at.getTime() - Date.parse(was.at));
      compared++;
    }
    return compared === 0 ? null : sums;
  }
}
