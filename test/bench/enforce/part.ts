import type { Outcome, Target } from '../bench-case.ts';
import type { RunningEstate } from './running-estate.ts';
import { parts, type Usage, type UsageMeter } from './usage.ts';

export interface PartOptions {
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

/** Something that is measured on an estate that runs and is at rest, and leaves it so. */
export interface Part {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly run: (estate: RunningEstate, options: PartOptions) => Promise<Outcome>;
}

export const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits;

export const seconds = (milliseconds: number): number => round(milliseconds / 1000, 2);

/** Cells of a table. */
export function usageCells(meter: UsageMeter): Record<string, number> {
  const read: Readonly<Record<string, Usage>> = meter.read();
  return Object.fromEntries(
    parts.flatMap((part) => [
      [`${part} CPU s`, round(read[part]!.cpuSeconds, 1)],
      [`${part} peak MB`, round(read[part]!.peakMegabytes)],
    ]),
  );
}
