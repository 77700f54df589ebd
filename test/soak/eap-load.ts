import type { DeviceCredentials } from '../bench/radius/supplicant.ts';
import { Generator } from '../bench/radius/generator.ts';
import type { EapJob, EapOutcome } from '../bench/radius/eap-generator.ts';
import { verifiedVlan } from './hospital.ts';
import { pause } from './pause.ts';

const everyMilliseconds = 5000;
const inFlight = 2;
const conversations = 10;
/** What the generator says of a round that nobody answered: it sends nothing twice. */
const silence = /aborted/;

/** Conversations of EAP-TLS, a few every five seconds: TLS 1.2 and 1.3 in turn, every other time resumed. */
export class EapLoad {
  private readonly generator = new Generator<EapJob, EapOutcome>('eap-generator.ts');
  private readonly common: Pick<EapJob, 'port' | 'secret' | 'devices'>;
  succeeded = 0;
  resumed = 0;
  unanswered = 0;
  readonly problems: string[] = [];

  constructor(port: number, secret: string, devices: readonly DeviceCredentials[]) {
    this.common = { port, secret, devices };
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const outcome = await this.generator.run({
        ...this.common,
        version: turn % 2 === 0 ? '1.3' : '1.2',
        inFlight,
        resumes: turn % 4 > 1,
        until: { count: conversations },
      });
      this.count(outcome);
      await pause(everyMilliseconds, signal);
    }
  }

  private count({ succeeded, resumed, vlans, problems }: EapOutcome): void {
    this.succeeded += succeeded;
    this.resumed += resumed;
    for (const [problem, count] of Object.entries(problems)) {
      if (silence.test(problem)) this.unanswered += count;
      else this.problems.push(`${new Date().toISOString()} ${count} × ${problem}`);
    }
    const strange = vlans.filter((vlan) => vlan !== verifiedVlan);
    if (strange.length > 0) this.problems.push(`VLAN ${strange.join()} instead of ${verifiedVlan}`);
  }

  close(): void {
    this.generator.close();
  }
}
