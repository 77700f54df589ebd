import { loadavg } from 'node:os';

/** Of sorted or unsorted numbers; 0 … 1. Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const load = (): number => Math.round(loadavg()[0]! * 100) / 100;
