import { median } from '../statistics.ts';
import { round } from './radius-case.ts';

/** Of a round. */
export interface Latency {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
}

/** The median over the rounds. */
export const over = <S>(samples: readonly S[], value: (sample: S) => number): number => median(samples.map(value));

export const p99Of = (samples: readonly Latency[]): number => over(samples, ({ p99 }) => p99);

export const lostIn = (samples: readonly Latency[]): number => samples.reduce((sum, { lost }) => sum + lost, 0);

/** Cells of a table; `where`: of the heading. */
export const percentiles = (samples: readonly Latency[], where = ''): Record<string, number> => ({
  [`p50 ms${where}`]: round(
    over(samples, ({ p50 }) => p50),
    2,
  ),
  [`p99 ms${where}`]: round(p99Of(samples), 2),
});
