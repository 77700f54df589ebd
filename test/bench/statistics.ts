import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** Of sorted or unsorted numbers; 0 … 1. Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Linux gives these times in hundredths of a second, whatever the kernel's own tick is. */
const ticksPerSecond = 100;

/** Seconds of processor time that a process and its threads have used, in user and kernel mode. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name stands in parentheses and may itself hold blanks: fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export const load = (): number => Math.round(loadavg()[0]! * 100) / 100;
