import { Random } from '../fuzz/inputs.ts';

/** Everything that may happen, and how often beside the others. */
export const actKinds = {
  'kill-controller': 2,
  'kill-bridge': 3,
  'kill-vswitchd': 1,
  'kill-sshd': 2,
  'cut-firewall': 2,
  'drop-firewall': 1,
  'cut-openvswitch': 2,
  'cut-bridge': 2,
  'stall-bridge': 1,
  'slow-bridge': 1,
  'cut-switch': 2,
  'slow-switch': 1,
  'lying-switch': 2,
  'refusing-switch': 2,
  'silent-switch': 1,
  'tamper-firewall': 4,
  'tamper-openvswitch': 3,
  'foreign-table': 2,
  commit: 7,
  'bad-commit': 1,
  posture: 8,
  register: 4,
  replug: 3,
  rollout: 5,
  'break-glass': 3,
  'in-use': 2,
} as const;
export type ActKind = keyof typeof actKinds;

export interface Act {
  readonly number: number;
  readonly kind: ActKind;
  /** Seconds after the burst began. */
  readonly at: number;
  /** How long it lasts, where it lasts. */
  readonly seconds: number;
  /** Chooses among whom and how; each act takes what it needs of it. */
  readonly choice: number;
}

/** Acts that come one upon the other; then all is mended, and must be right again. */
export interface Burst {
  readonly acts: readonly Act[];
}

const most = 2 ** 31 - 1;

/** The same seed gives the same bursts, as many as are asked for. */
export function* planBursts(seed: number): Generator<Burst, never> {
  const random = new Random(seed);
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 16; i++) random.below(2);
  const kinds = Object.entries(actKinds).flatMap(([kind, weight]) => Array<ActKind>(weight).fill(kind as ActKind));
  const between = (least: number, upTo: number): number => least + random.below(upTo - least + 1);
  for (let number = 1; ;) {
    const acts: Act[] = [];
    const length = between(5, 14);
    for (let at = 0; acts.length < length; at += between(0, 30) / 10) {
      const [kind, seconds] = [random.pick(kinds), between(1, 12)];
      acts.push({ number: number++, kind, at, seconds, choice: random.below(most) });
    }
    yield { acts };
  }
}

export const describeAct = ({ number, kind, seconds, choice }: Act): string =>
  `#${number} ${kind} (${seconds} s, ${choice})`;
