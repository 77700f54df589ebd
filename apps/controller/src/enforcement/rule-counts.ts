import type { Clock } from '#base';
import type { RuleCounter } from '#drivers';
import type { RuleCountStore } from './rule-count-store.js';

/** How often a policy line's rules matched at a point, over replacements of the rules and restarts of the controller. */
export interface RuleCount {
  /** Policy line id, or `denied`: no line allowed it. */
  readonly id: string;
  readonly since: string;
  readonly packets: number;
  readonly bytes: number;
}

/** With what the device's own counter said last. */
export interface KeptCount extends RuleCount {
  readonly devicePackets: number;
  readonly deviceBytes: number;
}

/**
 * Running totals of one point's counters. A device counts from zero again when its rules are replaced, so what is added is the difference
 * to the reading before; a counter that went back began anew. A line that is no longer on the device loses its total.
 */
export class RuleCounts {
  private counts: ReadonlyMap<string, KeptCount> | null = null;
  private at: Date | null = null;

  constructor(
    private readonly point: string,
    private readonly store: Pick<RuleCountStore, 'load' | 'save'>,
    private readonly clock: Clock,
  ) {}

  /** When the device was last asked; null: not since this process runs. */
  get readAt(): Date | null {
    return this.at;
  }

  list(): readonly RuleCount[] {
    return [...(this.counts?.values() ?? [])].map(({ id, since, packets, bytes }) => ({ id, since, packets, bytes }));
  }

  async add(reading: readonly RuleCounter[]): Promise<void> {
    const known = this.counts ?? new Map((await this.store.load(this.point)).map((count) => [count.id, count]));
    this.at = this.clock.now();
    const since = this.at.toISOString();
    await this.keep(reading.map((counter) => sum(known.get(counter.id), counter, since)));
  }

  /** The device counts from zero: its rules were replaced. */
  async restart(): Promise<void> {
    if (this.counts)
      await this.keep([...this.counts.values()].map((count) => ({ ...count, devicePackets: 0, deviceBytes: 0 })));
  }

  private async keep(counts: readonly KeptCount[]): Promise<void> {
    this.counts = new Map(counts.map((count) => [count.id, count]));
    await this.store.save(this.point, counts);
  }
}

function sum(known: KeptCount | undefined, { id, packets, bytes }: RuleCounter, now: string): KeptCount {
  const device = { devicePackets: packets, deviceBytes: bytes };
  if (!known) return { id, since: now, packets, bytes, ...device };
  const isAnew = packets < known.devicePackets || bytes < known.deviceBytes;
  return {
    id,
    since: known.since,
    packets: known.packets + packets - (isAnew ? 0 : known.devicePackets),
    bytes: known.bytes + bytes - (isAnew ? 0 : known.deviceBytes),
    ...device,
  };
}
