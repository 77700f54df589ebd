import type { ControllerProcess } from './controller-process.ts';
import { describeDisturbance, type Disturbance } from './disturbances.ts';
import type { Link } from './link.ts';
import { isSoWithin, pause } from './pause.ts';
import type { PostureWatch } from './posture-watch.ts';

/** Of the bridge, once it can: it may have to notice first that its connection is dead, and waits up to 5 s between tries. */
const linkedWithin = 30_000;

interface Ports {
  readonly controller: ControllerProcess;
  readonly link: Link;
  readonly watch: PostureWatch;
  readonly isLinked: () => Promise<boolean>;
  readonly log: (line: string) => void;
}

/** Takes the controller away from the bridge and gives it back, as planned. Before and after each time the posture of a device changes. */
export class Disturber {
  private readonly ports: Ports;
  readonly problems: string[] = [];
  /** What is disturbed now. */
  current: string | null = null;
  done = 0;

  constructor(ports: Ports) {
    this.ports = ports;
  }

  async run(plan: readonly Disturbance[], signal: AbortSignal): Promise<void> {
    const begun = Date.now();
    for (const disturbance of plan) {
      await pause(begun + disturbance.at * 1000 - Date.now(), signal);
      if (signal.aborted) return;
      await this.disturb(disturbance, signal);
    }
  }

  private async disturb(disturbance: Disturbance, signal: AbortSignal): Promise<void> {
    const { watch, log } = this.ports;
    const { kind, seconds } = disturbance;
    await watch.flip();
    await watch.reflected(signal);
    if (signal.aborted) return;
    this.current = describeDisturbance[kind];
    log(`${this.current}, for ${seconds} s`);
    if (kind === 'kill' || kind === 'terminate') await this.stopController(disturbance, signal);
    else await this.disturbLink(disturbance, signal);
    if (signal.aborted) return;
    if (!(await isSoWithin(linkedWithin, this.ports.isLinked, signal)) && !signal.aborted)
      this.problems.push(`the bridge was not linked to the controller ${linkedWithin / 1000} s after: ${kind}`);
    this.current = null;
    log('controller reachable again, and the bridge linked');
    await watch.reflected(signal);
    await watch.flip();
    await watch.reflected(signal);
    this.done++;
  }

  /** The time was up in the middle of one. */
  async restore(): Promise<void> {
    const { controller, link } = this.ports;
    link.release();
    if (controller.pid === null) link.leadTo(await controller.start());
    await link.open();
  }

  private async stopController({ kind, seconds }: Disturbance, signal: AbortSignal): Promise<void> {
    const { controller, link } = this.ports;
    await controller.stop(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await pause(seconds * 1000, signal);
    if (!signal.aborted) link.leadTo(await controller.start());
  }

  /** The controller learns of a change that the bridge can't hear of yet. */
  private async disturbLink({ kind, seconds }: Disturbance, signal: AbortSignal): Promise<void> {
    const { link, watch } = this.ports;
    if (kind === 'cut') await link.cut();
    else link.stall();
    await watch.flip();
    await pause(seconds * 1000, signal);
    if (signal.aborted) return;
    if (kind === 'cut') await link.open();
    else link.release();
  }
}
