import type { Outcome } from '../bench-case.ts';
import { eapGenerator, type EapGenerator } from './case-eap.ts';
import { macGenerator, measureMac, type MacGenerator } from './case-mac.ts';
import { benchSnapshot, startCordon, type CordonSide } from './cordon-side.ts';
import { eapYaml, issueCredentials, type Credentials } from './credentials.ts';
import type { EapOutcome } from './eap-generator.ts';
import { lostIn, over, p99Of, percentiles, type Latency } from './percentiles.ts';
import { childrenOf, cpuSeconds } from './process-tree.ts';
import { macsOf, round, type RadiusCase, type RadiusOptions } from './radius-case.ts';
import { policies, schedule, type Policy } from './scheduling.ts';
import { secret } from './side.ts';

/** MAC authentications a second: a hospital with 100,000 ports has a tenth of it when all ask again each hour. */
const perSecond = 1000;
/** Conversations at a time: the workers have always some waiting. */
const inFlight = 64;
/** Until all conversations are under way. */
const leadMilliseconds = 1000;
const warmUp = 30_000;

interface StormSample extends Latency {
  readonly handshakes: number;
  /** Of one processor. */
  readonly workerShare: number;
  readonly problems: number;
}

interface Bench {
  readonly side: CordonSide;
  readonly macs: readonly string[];
  readonly credentials: Credentials;
  readonly mac: MacGenerator;
  readonly eap: EapGenerator;
  readonly seconds: number;
}

const openLoop = ({ mac, side, macs, seconds }: Bench): Promise<Latency> =>
  measureMac(mac, side, { macs, count: perSecond * seconds, load: { perSecond } });

async function duringStorm(bench: Bench): Promise<StormSample> {
  const { eap, side, credentials, seconds } = bench;
  const workers = childrenOf(side.pid);
  const storm: Promise<EapOutcome> = eap.run({
    port: side.port,
    secret,
    devices: credentials.devices,
    version: '1.3',
    inFlight,
    resumes: false,
    until: { seconds: seconds + 3 },
  });
  await new Promise((resolve) => setTimeout(resolve, leadMilliseconds));
  const [before, begun] = [cpuSeconds(workers), performance.now()];
  const sample = await openLoop(bench);
  const workerShare = (cpuSeconds(workers) - before) / ((performance.now() - begun) / 1000);
  const { succeeded, seconds: took, problems } = await storm;
  const failed = Object.values(problems).reduce((sum, count) => sum + count, 0);
  return { ...sample, handshakes: succeeded / took, workerShare, problems: failed };
}

async function start({ folder, devices, nodeFlags, isQuick }: RadiusOptions): Promise<Bench> {
  const macs = macsOf(Math.max(devices, inFlight));
  const credentials = issueCredentials(folder, 'ecdsa', macs.slice(0, inFlight));
  const side = await startCordon({ folder, macs, nodeFlags, snapshot: benchSnapshot(eapYaml(credentials)) });
  const [mac, eap] = [macGenerator('first'), eapGenerator('idle')];
  return { side, macs, credentials, mac, eap, seconds: isQuick ? 5 : 10 };
}

const titleOf = (what: 'idle' | 'storm', policy: Policy): string => (policy === 'usual' ? what : `${what}, ${policy}`);
const ratioOf = (policy: Policy): string => `p99 ms, ${titleOf('storm', policy)} : idle`;

interface Samples {
  readonly idle: Latency[];
  readonly storm: StormSample[];
}

export const stormCase: RadiusCase = {
  name: 'MAC authentication during a storm of handshakes',
  targets: policies.map((policy) => ({ figure: ratioOf(policy), want: 'at most', limit: 2 }) as const),
  run: async (options): Promise<Outcome> => {
    const bench = await start(options);
    const samples: Record<Policy, Samples> = { usual: { idle: [], storm: [] }, SCHED_RR: { idle: [], storm: [] } };
    try {
      options.progress('warming up');
      await measureMac(bench.mac, bench.side, { macs: bench.macs, count: warmUp, load: { inFlight } });
      await duringStorm(bench);
      for (let i = 0; i < options.rounds; i++) {
        options.progress(`round ${i + 1}`);
        for (const policy of policies) {
          schedule(bench.side.pid, policy);
          samples[policy].idle.push(await openLoop(bench));
          samples[policy].storm.push(await duringStorm(bench));
        }
      }
      return outcomeOf(samples);
    } finally {
      bench.mac.close();
      bench.eap.close();
      await bench.side.close();
    }
  },
};

function outcomeOf(samples: Readonly<Record<Policy, Samples>>): Outcome {
  const rows: Record<string, Record<string, string | number>> = {};
  const figures: Record<string, number> = {};
  for (const policy of policies) {
    const { idle, storm } = samples[policy];
    rows[titleOf('idle', policy)] = rowOf(idle);
    const handshakes = over(storm, (sample) => sample.handshakes);
    const workerShare = over(storm, (sample) => sample.workerShare);
    rows[titleOf('storm', policy)] = {
      ...rowOf(storm),
      'handshakes/s': round(handshakes),
      'workers use, of a processor': round(workerShare, 2),
    };
    const [idleP99, stormP99] = [p99Of(idle), p99Of(storm)];
    figures[`${titleOf('idle', policy)}: p99 ms`] = idleP99;
    figures[`${titleOf('storm', policy)}: p99 ms`] = stormP99;
    figures[`${titleOf('storm', policy)}: handshakes/s`] = handshakes;
    // Both against the same: what somebody has who changes nothing.
    figures[ratioOf(policy)] = stormP99 / p99Of(samples.usual.idle);
  }
  const problems = policies
    .flatMap((policy) => samples[policy].storm)
    .reduce((sum, sample) => sum + sample.problems, 0);
  return { rows, figures, notes: problems > 0 ? [`${problems} conversations did not come to a good end`] : [] };
}

const rowOf = (samples: readonly Latency[]): Record<string, number> => ({
  ...percentiles(samples, ` at ${perSecond}/s`),
  lost: lostIn(samples),
});
