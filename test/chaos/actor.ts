import { describeAct, type Act, type ActKind } from './acts.ts';
import { Changes } from './changes.ts';
import type { PolicyVersion } from './hospital.ts';
import { outages } from './outages.ts';
import { tampering } from './tampering.ts';
import type { Deeds, World } from './world.ts';

/** Does what was planned. Acts on different things overlap; one on a thing that is busy already is left out. */
export class Actor {
  private readonly world: World;
  private readonly changes: Changes;
  private readonly deeds: Deeds;
  private readonly busy = new Set<string>();
  private readonly under = new Set<Promise<void>>();
  readonly done = new Map<ActKind, number>();
  readonly problems: string[] = [];
  skipped = 0;

  constructor(world: World, version: PolicyVersion) {
    this.world = world;
    this.changes = new Changes(world, version);
    this.deeds = { ...outages(world), ...tampering(world), ...this.changes.deeds };
  }

  /** Begins an act, and does not wait for its end. */
  begin(act: Act, signal: AbortSignal): void {
    const { on, carryOut } = this.deeds[act.kind];
    const thing = on(act);
    if (this.busy.has(thing)) {
      this.skipped++;
      return;
    }
    this.busy.add(thing);
    this.done.set(act.kind, (this.done.get(act.kind) ?? 0) + 1);
    this.world.note(`${describeAct(act)} on ${thing}`);
    const deed = carryOut(act, signal)
      .catch((error: unknown) => {
        const problem = error instanceof Error ? error.message : String(error);
        if (!signal.aborted) this.problems.push(`${describeAct(act)}: ${problem}`);
      })
      .finally(() => {
        this.busy.delete(thing);
        this.under.delete(deed);
        this.world.note(`  #${act.number} over`);
      });
    this.under.add(deed);
  }

  /** Until everything that lasts has ended. */
  async mend(signal: AbortSignal): Promise<void> {
    await Promise.all(this.under);
    await this.changes.mend(signal);
  }
}
