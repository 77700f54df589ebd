import type { Clock } from '#base';
import type { Address } from '#net';
import type { EnforcementLoop } from '../enforcement/enforcement-loop.js';
import { groupFlows } from '../flows/hourly-flow.js';
import { mostBytesAtOnce, mostBytesPerSecond, RateLimit } from '../flows/rate-limit.js';
import { Refusal } from '../http/refusal.js';
import { readDenials } from './denials.js';
import type { SeenFlowStore } from '../seen/seen-flow-store.js';
import type { DeniedFlowStore } from './denied-flow-store.js';

export interface IntakeAnswer {
  readonly taken: number;
  /** Records of something else than an opening that was denied, or seen. */
  readonly ignored: number;
  readonly malformed: number;
}

export interface DenialAnswer extends IntakeAnswer {
  /** Openings that passed, and that the policy in audit would drop. */
  readonly watched: number;
}

/** Takes what gateways denied, and what they let pass that a candidate would not. The class of a device is what it counts as when this arrives. */
export class DenialIntake {
  private readonly limit: RateLimit;

  constructor(
    private readonly stores: { readonly denied: DeniedFlowStore; readonly seen: SeenFlowStore },
    private readonly enforcement: Pick<EnforcementLoop, 'rolesAt'>,
    private readonly clock: Clock,
  ) {
    this.limit = new RateLimit(clock, mostBytesAtOnce, mostBytesPerSecond);
  }

  async take(point: string, text: string): Promise<DenialAnswer> {
    const roles = this.enforcement.rolesAt(point);
    if (!roles) throw new Refusal('not-found', `the policy in force names no enforcement point \`${point}\``);
    if (!this.limit.take(point, text.length))
      throw new Refusal(
        'too-many',
        `enforcement point \`${point}\` tells more than is taken: send the same again later`,
      );
    const { denials, watched, ignored, malformed } = readDenials(text, this.clock.now());
    const classOf = (address: Address): string | null => roles.get(address)?.class ?? null;
    await this.stores.denied.add(point, groupFlows(denials, classOf));
    await this.stores.seen.add(point, groupFlows(watched, classOf));
    return { taken: denials.length, watched: watched.length, ignored, malformed };
  }
}
