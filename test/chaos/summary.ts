import type { Ruling } from './judge.ts';

export interface Settings {
  readonly folder: string;
  readonly minutes: number;
  readonly seed: number;
  /** Tells each act as it happens. */
  readonly isLoud: boolean;
}

export interface Summary {
  readonly seed: number;
  readonly minutes: number;
  readonly acts: Readonly<Record<string, number>>;
  /** Acts on a thing that was busy. */
  readonly skipped: number;
  readonly probes: number;
  readonly rounds: number;
  readonly verdicts: Readonly<Record<Ruling, number>>;
  /** Of these, those that could only be one or the other. */
  readonly strict: number;
  /** By what explains it: milliseconds after its end at which a verdict was still another. */
  readonly longest: Readonly<Record<string, number>>;
  /** Bursts after which everything became right, and the longest time that it took. */
  readonly settled: { readonly bursts: number; readonly longest: number };
  readonly ledger: Readonly<Record<'devices' | 'reasons' | 'commits' | 'orders', number>>;
  readonly rollouts: number;
  readonly switches: Readonly<Record<'accepted' | 'silence' | 'coa' | 'disconnects' | 'records', number>>;
  readonly processes: Readonly<Record<string, { readonly starts: number; readonly megabytes: number }>>;
  readonly problems: readonly string[];
  readonly lastActs: readonly string[];
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** One fault shows in many packets. */
const shownProblems = 12;

/** For people. */
export function formatSummary(summary: Summary): string[] {
  const { verdicts, settled, ledger, switches, processes, problems, lastActs } = summary;
  const lines = [
    `seed ${summary.seed}, ${summary.minutes.toFixed(1)} minutes`,
    `acts        ${listed(summary.acts)} (${summary.skipped} left out: the thing was busy)`,
    `packets     ${summary.probes} in ${summary.rounds} rounds: ${verdicts.right} right, ${verdicts.late} late within their window, ${verdicts.tampered} after a change by hand, ${verdicts.wrong} wrong; of ${summary.strict} no other would have been accepted`,
    `latest      ${
      Object.entries(summary.longest)
        .map(([cause, late]) => `${cause} ${seconds(late)}`)
        .join(', ') || 'nothing was late'
    }`,
    `settled     ${settled.bursts} times, after ${seconds(settled.longest)} at most`,
    `ledger      ${ledger.devices} devices, ${ledger.reasons} reasons in the audit trail, ${ledger.commits} commits, ${ledger.orders} orders; ${summary.rollouts} rollouts`,
    `switches    ${listed(switches)}`,
    `processes   ${Object.entries(processes)
      .map(([name, { starts, megabytes }]) => `${name}: ${starts} starts, ${megabytes} MB at most`)
      .join('; ')}`,
  ];
  if (problems.length === 0) return [...lines, 'passed'];
  return [
    ...lines,
    'last acts:',
    ...lastActs.map((act) => `  ${act}`),
    ...problems.slice(0, shownProblems).map((problem) => `FAILED ${problem}`),
  ];
}
