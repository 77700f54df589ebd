import { Random } from '../fuzz/inputs.ts';

export const disturbanceKinds = ['kill', 'terminate', 'cut', 'stall'] as const;
export type DisturbanceKind = (typeof disturbanceKinds)[number];

export interface Disturbance {
  readonly kind: DisturbanceKind;
  /** Seconds after the load began; later when the one before took longer than was planned. */
  readonly at: number;
  /** How long the bridge is without its controller. */
  readonly seconds: number;
}

export const describeDisturbance: Readonly<Record<DisturbanceKind, string>> = {
  kill: 'controller killed (SIGKILL)',
  terminate: 'controller ended (SIGTERM)',
  cut: 'link cut, new connections refused',
  stall: 'link stalled, nothing comes through',
};

const longSeconds = 180;
/** From so many minutes on one outage is long. */
const longFrom = 15;
const shortest = 5;
const longest = 60;
/** Between two of them, for the controller to start and a change of posture to be reflected. */
const calm = { least: 15, most: 30 } as const;

/** The same seed and length give the same plan. All kinds come before one comes again; the end of the run is left in peace. */
export function planDisturbances(minutes: number, seed: number): Disturbance[] {
  const random = new Random(seed);
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 16; i++) random.below(2);
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  const end = minutes * 60 - calm.most;
  const most = Math.min(longest, Math.max(2 * shortest, Math.floor(minutes * 3)));
  const plan: Disturbance[] = [];
  let isLongDue = minutes >= longFrom;
  let bag: DisturbanceKind[] = [];
  for (let at = between(calm.least, calm.most); ;) {
    if (bag.length === 0) bag = shuffled(random);
    const isLong = isLongDue && at >= (minutes * 60) / 3;
    if (isLong) isLongDue = false;
    const seconds = isLong ? longSeconds : between(shortest, most);
    if (at + seconds > end) return plan;
    plan.push({ kind: bag.pop()!, at, seconds });
    at += seconds + between(calm.least, calm.most);
  }
}

function shuffled(random: Random): DisturbanceKind[] {
  const left: DisturbanceKind[] = [...disturbanceKinds];
  return disturbanceKinds.map(() => left.splice(random.below(left.length), 1)[0]!);
}
