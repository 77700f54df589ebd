import { Generator } from '../bench/radius/generator.ts';
import type { DeviceKind, MacJob, MacOutcome } from '../bench/radius/mac-generator.ts';
import { pause } from './pause.ts';

type MacGenerator = Generator<MacJob, MacOutcome>;

const jobSeconds = 5;
const inFlight = 64;
/** Until the compiler of the bridge has seen enough. */
const warmUp = 30_000;
const measured = 30_000;

/**
 * MAC authentication without a pause, in jobs of some seconds. A generator compares every reply after its job, while the next job is
 * another's.
 */
export class MacLoad {
  private readonly generators = [1, 2].map(() => new Generator<MacJob, MacOutcome>('mac-generator.ts'));
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
    const [generator] = this.generators;
    await this.job(generator!, warmUp, { inFlight });
    const { replies, seconds } = await this.job(generator!, measured, { inFlight });
    // What the bridge does when it is warming up is no measure of the rest.
    this.p99s.length = 0;
    return replies / seconds;
  }

  async run(perSecond: number, signal: AbortSignal): Promise<void> {
    const jobs = new Map<MacGenerator, Promise<unknown>>();
    for (let turn = 0; !signal.aborted; turn++) {
      const generator = this.generators[turn % this.generators.length]!;
      await jobs.get(generator);
      const job = this.job(generator, perSecond * jobSeconds, { perSecond });
      // Seen when it is waited for.
      job.catch(() => undefined);
      jobs.set(generator, job);
      await pause(jobSeconds * 1000, signal);
    }
    await Promise.all(jobs.values());
  }

  private async job(generator: MacGenerator, count: number, load: MacJob['load']): Promise<MacOutcome> {
    const outcome = await generator.run({ ...this.common, count, load });
    this.rate = outcome.replies / outcome.seconds;
    this.replies += outcome.replies;
    this.lost += outcome.lost;
    this.wrong += outcome.wrong;
    if (outcome.firstWrong !== null) this.problems.push(`${new Date().toISOString()} ${outcome.firstWrong}`);
    if (outcome.replies > 0) this.p99s.push(outcome.p99);
    return outcome;
  }

  close(): void {
    for (const generator of this.generators) generator.close();
  }
}
