import { Generator } from '../bench/radius/generator.ts';
import type { DeviceKind, MacJob, MacOutcome } from '../bench/radius/mac-generator.ts';

const jobSeconds = 5;
const inFlight = 64;
/** Until the compiler of the bridge has seen enough. */
const warmUp = 30_000;
const measured = 30_000;

/** MAC authentication without a pause, in jobs of some seconds: the generator compares every reply after each. */
export class MacLoad {
  private readonly generator = new Generator<MacJob, MacOutcome>('mac-generator.ts');
  private readonly common: Pick<MacJob, 'port' | 'secret' | 'kinds'>;
  replies = 0;
  lost = 0;
  wrong = 0;
  readonly problems: string[] = [];
  /** Of each job. */
  readonly p99s: number[] = [];
  rate = 0;

  constructor(port: number, secret: string, kinds: readonly DeviceKind[]) {
    this.common = { port, secret, kinds };
  }

  /** Replies a second in a closed loop. */
  async measureCapacity(): Promise<number> {
    await this.job(warmUp, { inFlight });
    const { replies, seconds } = await this.job(measured, { inFlight });
    // What the bridge does when it is warming up is no measure of the rest.
    this.p99s.length = 0;
    return replies / seconds;
  }

  async run(perSecond: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { replies, seconds } = await this.job(perSecond * jobSeconds, { perSecond });
      this.rate = replies / seconds;
    }
  }

  private async job(count: number, load: MacJob['load']): Promise<MacOutcome> {
    const outcome = await this.generator.run({ ...this.common, count, load });
    this.replies += outcome.replies;
    this.lost += outcome.lost;
    this.wrong += outcome.wrong;
    if (outcome.firstWrong !== null) this.problems.push(`${new Date().toISOString()} ${outcome.firstWrong}`);
    if (outcome.replies > 0) this.p99s.push(outcome.p99);
    return outcome;
  }

  close(): void {
    this.generator.close();
  }
}
