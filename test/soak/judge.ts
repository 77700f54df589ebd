import type { Findings } from './findings.ts';
import { trendOf, type Allowance, type Trend } from './flat.ts';
import { findRecordFaults } from './ledger.ts';
import { watchedProcesses, type Sample, type Watched } from './resources.ts';

/** UDP may lose a datagram on a busy machine: so many of all that were sent may stay without an answer, or be sent again. */
export const mostLost = { mac: 1 / 10_000, eap: 1 / 100, posture: 1 / 100, retransmitted: 1 / 1000 } as const;

/**
 * What the processes may grow by. The bridge keeps a session that ended for an hour, so a run of minutes can't be flat to the byte,
 * and the controller collects its heap every few minutes only: what it holds goes up and down meanwhile.
 */
export const memoryAllowance: Readonly<Record<Watched, Allowance>> = {
  bridge: { share: 1.1, absolute: 16 },
  'EAP workers': { share: 1.1, absolute: 16 },
  controller: { share: 1.1, absolute: 32 },
};
/** Connections come and go. */
export const filesAllowance: Allowance = { share: 1, absolute: 5 };

/** What the bridge may drop when the machine leaves it no time: it then lacks an answer, which has its own bound. */
const overload = 'authentication.dropped.overload';
/** Counters that stay at zero when every request is in order. */
const faulty = [
  /(^|\.)(dropped|ignored)(\.|$)/,
  /(^|\.)faults$/,
  /^(socket\.errors|sessions\.untracked|coa\.diverged|controller\.messages\.refused)$/,
] as const;

const shown = 10;

/** The first of many, and how many there are. */
function listed(what: string, problems: readonly string[]): string[] {
  const rest = problems.length - shown;
  return [
    ...problems.slice(0, shown).map((problem) => `${what}: ${problem}`),
    ...(rest > 0 ? [`${what}: and ${rest} more`] : []),
  ];
}

function beyond(what: string, found: number, all: number, share: number): string[] {
  if (all === 0) return [`${what}: there were none at all`];
  const most = Math.ceil(all * share);
  return found <= most ? [] : [`${what}: ${found} of ${all}, at most ${most} may be`];
}

export interface Growth extends Trend {
  readonly process: Watched;
  readonly of: 'memory, MB' | 'open files';
}

export const growthOf = (samples: readonly Sample[]): Growth[] =>
  watchedProcesses.flatMap((process): Growth[] => {
    const readings = samples.map((sample) => sample[process]);
    const of = (field: 'megabytes' | 'files') => readings.map((reading) => reading?.[field] ?? null);
    return [
      { process, of: 'memory, MB', ...trendOf(of('megabytes'), memoryAllowance[process]) },
      { process, of: 'open files', ...trendOf(of('files'), filesAllowance) },
    ];
  });

/** What is wrong, for people; nothing: the soak has passed. */
export function judge(findings: Findings): string[] {
  const { mac, eap, accounting, posture, disturbances, totals, samples } = findings;
  const { records, retransmissions, unanswered, ledger, stored } = accounting;
  const faultyCounters = Object.entries(totals).filter(
    ([name, value]) => value > 0 && name !== overload && faulty.some((pattern) => pattern.test(name)),
  );
  return [
    ...listed('fault', findings.faults),
    ...(mac.wrong > 0 ? [`MAC authentication: ${mac.wrong} wrong answers`] : []),
    ...listed('MAC authentication', mac.problems),
    ...beyond('MAC authentication without an answer', mac.lost, mac.replies + mac.lost, mostLost.mac),
    ...listed('EAP-TLS', eap.problems),
    ...beyond('EAP-TLS without an answer', eap.unanswered, eap.succeeded + eap.unanswered, mostLost.eap),
    ...listed('posture', posture.problems),
    ...beyond('posture watch without an answer', posture.lost, posture.asked, mostLost.posture),
    ...listed('disturbance', disturbances.problems),
    ...(disturbances.done === 0 ? ['disturbance: there was none at all'] : []),
    ...listed('accounting', accounting.problems),
    ...beyond('accounting records sent again', retransmissions, records, mostLost.retransmitted),
    ...(unanswered > 0 ? [`accounting: ${unanswered} records were never acknowledged`] : []),
    ...listed('accounting record', findRecordFaults(ledger, stored)),
    ...(findings.spool > 0 ? [`${findings.spool} events are still on the bridge's disk`] : []),
    ...faultyCounters.map(([name, value]) => `the bridge counts ${name}: ${value}`),
    ...(findings.coaViolations > 0 ? [`${findings.coaViolations} CoA requests were not in order`] : []),
    ...(findings.isMemoryJudged ? growthOf(samples) : [])
      .filter(({ isFlat }) => !isFlat)
      .map(
        ({ process, of, before, after }) => `${of} of ${process} grew from ${before.toFixed(0)} to ${after.toFixed(0)}`,
      ),
  ];
}
