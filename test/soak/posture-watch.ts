import type { DevicePosture } from '#model';
import { codes } from '#radius';
import { Asker } from '../bench/radius/asker.ts';
import { placementOf } from '../bench/radius/placement.ts';
import { macRequest } from '../bench/radius/session-starter.ts';
import type { ControllerApi } from './controller-api.ts';
import { placements } from './hospital.ts';
import { isSoWithin, pause } from './pause.ts';
import { PostureExpectation, reflectedWithin } from './posture.ts';

const everyMilliseconds = 250;
const patience = { transmissions: 1, milliseconds: 1000 } as const;
/** No other device of the soak is there. */
const switchPort = 5000;
const of: Readonly<Record<'normal' | 'quarantined', string>> = {
  normal: placements.pump,
  quarantined: placements.quarantined,
};

/** Asks for one device all the time while its posture is changed, and compares each answer with what it may be at that moment. */
export class PostureWatch {
  private readonly ports: { readonly mac: string; readonly radiusPort: number; readonly secret: string };
  private readonly api: ControllerApi;
  private readonly expectation = new PostureExpectation(of.normal);
  private posture: DevicePosture & keyof typeof of = 'normal';
  asked = 0;
  lost = 0;
  readonly problems: string[] = [];

  constructor(ports: PostureWatch['ports'], api: ControllerApi) {
    this.ports = ports;
    this.api = api;
  }

  get delays(): readonly number[] {
    return this.expectation.delays;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { mac, radiusPort, secret } = this.ports;
    const asker = await Asker.open(secret);
    try {
      while (!signal.aborted) {
        const at = Date.now();
        const reply = await asker.ask(radiusPort, codes.accessRequest, macRequest(mac, switchPort), patience);
        this.asked++;
        if (!reply) this.lost++;
        else {
          const problem = this.expectation.saw(placementOf(reply), at, Date.now());
          if (problem) this.problems.push(`${new Date().toISOString()} ${mac}: ${problem}`);
        }
        await pause(everyMilliseconds, signal);
      }
    } finally {
      asker.close();
    }
  }

  /** Into quarantine, or out of it. The bridge may not be able to hear of it yet: `reflected` begins to count. */
  async flip(): Promise<void> {
    this.posture = this.posture === 'normal' ? 'quarantined' : 'normal';
    this.expectation.change(of[this.posture]);
    await this.api.setPosture(this.ports.mac, this.posture);
  }

  /** Resolves when the answers show the last change; notes a problem when they don't in time. */
  async reflected(signal: AbortSignal): Promise<void> {
    this.expectation.due(Date.now());
    const isReflected = await isSoWithin(reflectedWithin, () => this.expectation.isReflected, signal);
    if (isReflected || signal.aborted) return;
    const { mac } = this.ports;
    this.problems.push(`${mac}: posture ${this.posture} not reflected within ${reflectedWithin / 1000} s`);
  }
}
