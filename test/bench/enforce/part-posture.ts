import type { Outcome } from '../bench-case.ts';
import { quantile } from '../statistics.ts';
import { now } from './clock.ts';
import { macOf } from './estate.ts';
import { round, type Part } from './part.ts';
import { quarantineVlan } from './policy.ts';
import { pause, type RunningEstate } from './running-estate.ts';

const changes = 220;
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

async function changing(estate: RunningEstate, first: number): Promise<number[]> {
  const latencies: number[] = [];
  // Spread over switches and classes.
  for (let i = 0; i < changes; i++) {
    latencies.push(await quarantine(estate, (first + i * 211) % estate.size.sessions));
    await pause(betweenChanges);
  }
  return latencies;
}

async function release(estate: RunningEstate, first: number): Promise<void> {
  for (let i = 0; i < changes; i++)
    await estate.api.setPosture(macOf((first + i * 211) % estate.size.sessions, estate.size), 'normal');
}

const cells = (latencies: readonly number[]) => ({
  changes: latencies.length,
  'p50 ms': round(quantile(latencies, 0.5), 1),
  'p99 ms': round(quantile(latencies, 0.99), 1),
  'worst ms': round(Math.max(...latencies), 1),
});

/** One device at a time goes into quarantine: alone, and while a rollout changes all sessions. */
export const posturePart: Part = {
  name: 'posture',
  targets: [{ figure: 'while a rollout changes all, p99 ms', want: 'at most', limit: 100 }],
  run: async (estate, { progress }): Promise<Outcome> => {
    progress('postures at rest');
    const atRest = await changing(estate, 1);
    await release(estate, 1);
    await estate.settled();
    const perSecond = Math.ceil(estate.size.sessions / rolloutSeconds);
    await estate.setLimit(perSecond);
    progress(`postures while ${perSecond} sessions a second are changed`);
    await estate.begin('all classes');
    await pause(1000);
    const during = await changing(estate, 2);
    const isInTime = await estate.isRollingOut();
    await estate.settled();
    await release(estate, 2);
    await estate.settled();
    await estate.setLimit(null);
    progress('postures while sessions are changed as fast as can be');
    await estate.begin('all classes');
    await pause(1000);
    const unlimited: number[] = [];
    for (let i = 0; i < changes && (await estate.isRollingOut()); i++)
      unlimited.push(await quarantine(estate, (3 + i * 211) % estate.size.sessions));
    await estate.settled();
    await release(estate, 3);
    await estate.settled();
    return {
      rows: {
        'at rest': cells(atRest),
        [`during a rollout, ${perSecond}/s`]: cells(during),
        'during a rollout without a limit': unlimited.length > 0 ? cells(unlimited) : { changes: 0 },
      },
      figures: {
        'at rest, p99 ms': quantile(atRest, 0.99),
        ...(isInTime && { 'while a rollout changes all, p99 ms': quantile(during, 0.99) }),
        ...(unlimited.length > 0 && { 'without a limit, p99 ms': quantile(unlimited, 0.99) }),
      },
      notes: isInTime ? [] : ['the rollout was over before the last change: take more sessions'],
    };
  },
};
