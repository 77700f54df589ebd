import type { Outcome } from '../bench-case.ts';
import { quantile } from '../statistics.ts';
import { now } from './clock.ts';
import { macOf } from './estate.ts';
import { round, type Part } from './part.ts';
import { asFastAsCanBe, quarantineVlan } from './policy.ts';
import { pause, type RunningEstate } from './running-estate.ts';

const changes = 250;
const fewest = 200;
const betweenChanges = 50;
const longest = 10_000;
/** The rollout must be slow enough to last as long as the changes. */
const rolloutSeconds = 60;

/** From the call to the controller to the CoA at the switch. */
async function quarantine(estate: RunningEstate, device: number): Promise<number> {
  const mac = macOf(device, estate.size);
  const told = estate.switches.ask({ do: 'await', mac, vlan: quarantineVlan });
  const began = now();
  await estate.api.setPosture(mac, 'quarantined');
  const tooLate = pause(longest).then(() =>
    Promise.reject(new Error(`${mac} is not in quarantine after ${longest} ms`)),
  );
  tooLate.catch(() => undefined);
  return (await Promise.race([told, tooLate])) - began;
}

/** One after the other, spread over switches and classes, as long as `goesOn` says. */
async function changing(estate: RunningEstate, first: number, goesOn = () => Promise.resolve(true)): Promise<number[]> {
  const latencies: number[] = [];
  while (latencies.length < changes && (await goesOn())) {
    latencies.push(await quarantine(estate, deviceOf(estate, first, latencies.length)));
    await pause(betweenChanges);
  }
  return latencies;
}

async function changingMeanwhile(estate: RunningEstate, first: number): Promise<number[]> {
  await estate.begin('all classes');
  await pause(500);
  const latencies = await changing(estate, first, () => estate.isChanging());
  await estate.settled();
  await release(estate, first);
  return latencies;
}

const deviceOf = ({ size }: RunningEstate, first: number, n: number): number => (first + n * 211) % size.sessions;

async function release(estate: RunningEstate, first: number): Promise<void> {
  for (let n = 0; n < changes; n++)
    await estate.api.setPosture(macOf(deviceOf(estate, first, n), estate.size), 'normal');
  await estate.settled();
}

const cells = (latencies: readonly number[]) => ({
  changes: latencies.length,
  'p50 ms': round(quantile(latencies, 0.5), 1),
  'p99 ms': round(quantile(latencies, 0.99), 1),
  'worst ms': round(Math.max(0, ...latencies), 1),
});

/** One device at a time goes into quarantine: alone, and while a rollout changes all sessions. */
export const posturePart: Part = {
  name: 'posture',
  targets: [{ figure: 'while a rollout changes all, p99 ms', want: 'at most', limit: 100 }],
  run: async (estate, { progress }): Promise<Outcome> => {
    progress('postures at rest');
    const atRest = await changing(estate, 1);
    await release(estate, 1);
    const perSecond = Math.ceil(estate.size.sessions / rolloutSeconds);
    await estate.setRollout({ changesPerSecond: perSecond, isStaged: true });
    progress(`postures while ${perSecond} sessions a second are changed`);
    const limited = await changingMeanwhile(estate, 2);
    await estate.setRollout(asFastAsCanBe);
    progress('postures while sessions are changed as fast as can be');
    const unlimited = await changingMeanwhile(estate, 3);
    return {
      rows: {
        'at rest': cells(atRest),
        [`during a rollout, ${perSecond}/s`]: cells(limited),
        'during a rollout without a limit': cells(unlimited),
      },
      figures: {
        'at rest, p99 ms': quantile(atRest, 0.99),
        ...(limited.length >= fewest && { 'while a rollout changes all, p99 ms': quantile(limited, 0.99) }),
        ...(unlimited.length >= fewest && { 'without a limit, p99 ms': quantile(unlimited, 0.99) }),
      },
      notes: [`below ${fewest} changes before the rollout is over there is no p99: take more sessions`],
    };
  },
};
