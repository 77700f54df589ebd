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
/** From so many minutes on one outage is long, and memory has the time to settle in which it can be judged. */
export const longFrom = 15;
const shortest = 5;
const longest = 60;
/** Between two of them, for the controller to start and a change of posture to be reflected. */
const calm = { least: 15, most: 30 } as const;

/** Those that leave the controller's process alone. */
const ofLink: readonly DisturbanceKind[] = ['cut', 'stall'];

/**
 * The same seed and length give the same plan. All kinds come before one comes again, but in the second and in the last quarter of a
 * long run the controller's process is left alone, so that its memory there can be compared. The end is left in peace.
 */
export function planDisturbances(minutes: number, seed: number): Disturbance[] {
  const random = new Random(seed);
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 16; i++) random.below(2);
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  const quarter = minutes * 15;
  const most = Math.min(longest, Math.max(2 * shortest, minutes * 3));
  const plan: Disturbance[] = [];
  const [ofBoth, ofOne] = [new Bag(disturbanceKinds, random), new Bag(ofLink, random)];
  const isLongRun = minutes >= longFrom;
  let isLongDue = isLongRun;
  for (let at = between(calm.least, calm.most); ;) {
    const isLong = isLongDue && at >= 2 * quarter;
    if (isLong) isLongDue = false;
    const seconds = isLong ? longSeconds : between(shortest, most);
    if (at + seconds > 4 * quarter - calm.most) return plan;
    const [first, last] = [at, at + seconds + calm.least].map((second) => Math.floor(second / quarter));
    const mayStop = !isLongRun || (first === last && first! % 2 === 0);
    plan.push({ kind: (mayStop ? ofBoth : ofOne).take(), at, seconds });
    at += seconds + between(calm.least, calm.most);
  }
}

/** Gives each once, in any order, before it gives one again. */
class Bag<T> {
  private readonly all: readonly T[];
  private readonly random: Random;
  private left: T[] = [];

  constructor(all: readonly T[], random: Random) {
    this.all = all;
    this.random = random;
  }

  take(): T {
    if (this.left.length === 0) this.left = [...this.all];
    return this.left.splice(this.random.below(this.left.length), 1)[0]!;
  }
}
