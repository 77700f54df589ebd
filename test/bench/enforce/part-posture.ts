import type { Outcome } from '../bench-case.ts';
import { policies } from '../radius/scheduling.ts';
import { quantile } from '../statistics.ts';
import { now } from './clock.ts';
import { macOf } from './estate.ts';
import { round, type Part } from './part.ts';
import { asFastAsCanBe, quarantineVlan } from './policy.ts';
import { pause, type RunningEstate } from './running-estate.ts';

const atRest = 250;
/** All the time that a rollout takes: its stages begin with much work at once. */
const most = 900;
const fewest = 200;
const betweenChanges = 50;
const longest = 10_000;
/** The rollout must be slow enough to last as long as the changes. */
const rolloutSeconds = 60;

interface Latency {
  /** Until the controller has answered. */
  readonly call: number;
  /** Until the switch has its CoA; what takes longer than `longest` counts as that. */
  readonly coa: number;
}

async function quarantine(estate: RunningEstate, device: number): Promise<Latency> {
  const mac = macOf(device, estate.size);
  const told = estate.switches.ask({ do: 'await', mac, vlan: quarantineVlan });
  // The switch may end before it is told.
  told.catch(() => undefined);
  const began = now();
  await estate.api.setPosture(mac, 'quarantined');
  const call = now() - began;
  const at = await Promise.race([told, pause(longest).then(() => null)]);
  if (at !== null) return { call, coa: at - began };
  const sessions = await estate.api.call('GET', `/sessions?mac=${mac}`);
  estate.progress(`${mac} is not in quarantine after ${longest} ms: ${JSON.stringify(sessions)}`);
  return { call, coa: longest };
}

/** One after the other, spread over switches and classes, as long as `goesOn` says. */
async function changing(
  estate: RunningEstate,
  first: number,
  count: number,
  goesOn = () => Promise.resolve(true),
): Promise<Latency[]> {
  const latencies: Latency[] = [];
  while (latencies.length < count && (await goesOn())) {
    latencies.push(await quarantine(estate, deviceOf(estate, first, latencies.length)));
    await pause(betweenChanges);
  }
  return latencies;
}

async function changingMeanwhile(estate: RunningEstate, first: number): Promise<Latency[]> {
  await estate.begin('all classes');
  await pause(500);
  const latencies = await changing(estate, first, most, () => estate.isChanging());
  await estate.settled();
  await release(estate, first, latencies.length);
  return latencies;
}

const deviceOf = ({ size }: RunningEstate, first: number, n: number): number => (first + n * 211) % size.sessions;

async function release(estate: RunningEstate, first: number, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await estate.api.setPosture(macOf(deviceOf(estate, first, n), estate.size), 'normal');
  await estate.settled();
}

const ofCoa = (latencies: readonly Latency[]): number[] => latencies.map(({ coa }) => coa);
const p99 = (latencies: readonly Latency[]): number => quantile(ofCoa(latencies), 0.99);

const cells = (latencies: readonly Latency[]) => ({
  changes: latencies.length,
  'p50 ms': round(quantile(ofCoa(latencies), 0.5), 1),
  'p99 ms': round(p99(latencies), 1),
  'worst ms': round(Math.max(0, ...ofCoa(latencies)), 1),
  'answered, p50 ms': round(
    quantile(
      latencies.map(({ call }) => call),
      0.5,
    ),
    1,
  ),
  'answered, p99 ms': round(
    quantile(
      latencies.map(({ call }) => call),
      0.99,
    ),
    1,
  ),
});

/** One device at a time goes into quarantine: alone, and while a rollout changes all sessions. */
export const posturePart: Part = {
  name: 'posture',
  targets: [{ figure: 'while a rollout changes all, SCHED_RR, p99 ms', want: 'at most', limit: 100 }],
  run: async (estate, { progress }): Promise<Outcome> => {
    progress('postures at rest');
    const quiet = await changing(estate, 1, atRest);
    await release(estate, 1, atRest);
    const perSecond = Math.ceil(estate.size.sessions / rolloutSeconds);
    await estate.setRollout({ changesPerSecond: perSecond, isStaged: true });
    const limited = { usual: [] as Latency[], SCHED_RR: [] as Latency[] };
    for (const policy of policies) {
      estate.schedule(policy);
      progress(`postures while ${perSecond} sessions a second are changed, ${policy}`);
      limited[policy] = await changingMeanwhile(estate, 2);
    }
    await estate.setRollout(asFastAsCanBe);
    progress('postures while sessions are changed as fast as can be');
    const unlimited = await changingMeanwhile(estate, 3);
    estate.schedule('usual');
    const figures = (name: string, latencies: readonly Latency[]) =>
      latencies.length >= fewest ? { [`${name}, p99 ms`]: p99(latencies) } : {};
    return {
      rows: {
        'at rest': cells(quiet),
        [`during a rollout, ${perSecond}/s`]: cells(limited.usual),
        [`during a rollout, ${perSecond}/s, SCHED_RR`]: cells(limited.SCHED_RR),
        'without a limit, SCHED_RR': cells(unlimited),
      },
      figures: {
        ...figures('at rest', quiet),
        ...figures('while a rollout changes all', limited.usual),
        ...figures('while a rollout changes all, SCHED_RR', limited.SCHED_RR),
        ...figures('without a limit, SCHED_RR', unlimited),
      },
      notes: [`below ${fewest} changes before the rollout is over there is no p99: take more sessions`],
    };
  },
};
