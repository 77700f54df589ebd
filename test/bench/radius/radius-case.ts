import type { Outcome, Target } from '../bench-case.ts';

export interface RadiusOptions {
  /** For what the case writes; removed after it. */
  readonly folder: string;
  readonly rounds: number;
  /** Fewer of everything: shows that it runs, and figures that are worth little. */
  readonly isQuick: boolean;
  /** How many devices take turns in MAC authentication. */
  readonly devices: number;
  /** For `--cpu-prof` and the like; the bridge alone gets them. */
  readonly nodeFlags: readonly string[];
  /** Tells a person that something goes on. */
  readonly progress: (text: string) => void;
}

/** Something that is measured, against the peer in the same run where there is one. */
export interface RadiusCase {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly run: (options: RadiusOptions) => Promise<Outcome>;
}

export const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** Each with a MAC address of its own. */
export const macsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const hex = i.toString(16).padStart(6, '0');
    return `00:1a:2b:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
  });

/** A B A B …: what else the machine does hits all alike. */
export async function alternate<K, V>(
  keys: readonly K[],
  rounds: number,
  measure: (key: K) => Promise<V>,
): Promise<Map<K, V[]>> {
  const samples = new Map(keys.map((key): [K, V[]] => [key, []]));
  for (let i = 0; i < rounds; i++) for (const key of keys) samples.get(key)!.push(await measure(key));
  return samples;
}
