import { readdirSync, readFileSync } from 'node:fs';

/*
 * What processes use, as Linux counts it, each with all that descends from it: a database answers through its backends, and
 * the bridge through its workers.
 */

/** Linux gives these times in hundredths of a second, whatever the kernel's own tick is. */
const ticksPerSecond = 100;
const megabyte = 1024 * 1024;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** User and kernel mode, with that of children that ended and were waited for. */
  readonly seconds: number;
}

/** Null: it has ended meanwhile. */
function statOf(pid: number): Stat | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name stands in parentheses and may itself hold blanks: fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
  return { pid, parent: Number(fields[1]), seconds: ticks / ticksPerSecond };
}

/** The processes themselves and what descends from them. */
export function treeOf(roots: readonly number[]): Stat[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
  const found = new Set(roots);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

/**
 * Seconds of processor time that these have used so far. The time of a child that ends in between is not lost: its parent waits
 * for it and then has it.
 */
export const cpuSeconds = (roots: readonly number[]): number =>
  treeOf(roots).reduce((sum, { seconds }) => sum + seconds, 0);

export interface Memory {
  /** Resident, in megabytes. What processes share counts in each. */
  readonly resident: number;
  /** What processes share is divided among them. */
  readonly proportional: number;
}

export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0);
  return { resident: (kilobytes('Rss') * 1024) / megabyte, proportional: (kilobytes('Pss') * 1024) / megabyte };
}

export const childrenOf = (pid: number): number[] =>
  treeOf([pid]).flatMap((found) => (found.pid === pid ? [] : found.pid));
