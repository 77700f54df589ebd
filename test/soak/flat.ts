import { median } from '../bench/statistics.ts';

export interface Allowance {
  /** The last quarter may be so many times the second one … */
  readonly share: number;
  /** … and so much more. */
  readonly absolute: number;
}

export interface Trend {
  /** Medians of the second and of the last quarter; NaN: there is none. */
  readonly before: number;
  readonly after: number;
  readonly isFlat: boolean;
}

/** In the first quarter everything still grows to its size. Readings are in the order of time; null is none. */
export function trendOf(readings: readonly (number | null)[], { share, absolute }: Allowance): Trend {
  const quarter = (n: number): number => {
    const part = readings.slice(Math.floor((readings.length * n) / 4), Math.floor((readings.length * (n + 1)) / 4));
    return median(part.filter((reading) => reading !== null));
  };
  const [before, after] = [quarter(1), quarter(3)];
  // A comparison with NaN is never true.
  return { before, after, isFlat: after <= before * share + absolute };
}
