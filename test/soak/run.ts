/*
 * npm run soak [-- --minutes 20] [--rate N] [--seed 1] [--json]
 *
 * The built controller and bridge under load, with the controller killed, restarted and cut off in between. See README.md.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { load, median } from '../bench/statistics.ts';
import { planDisturbances } from './disturbances.ts';
import { growthOf, judge } from './judge.ts';
import { Soak, type SoakResult } from './soak.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    rate: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`--${name} is \`${text}\`: give a whole number from ${least} to ${most}`);
}

const minutes = wholeNumber('minutes', options.minutes, 2, 24 * 60);
const seed = wholeNumber('seed', options.seed, 0, 2 ** 31);
const rate = options.rate === undefined ? null : wholeNumber('rate', options.rate, 1, 100_000);
if (!existsSync(join(import.meta.dirname, '../../dist'))) throw new Error('not built yet: `npm run build` first');

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

// Not left to the event loop: Node was once seen to spin for minutes while it cleaned up after all had been closed.
process.exit(await run());

async function run(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-soak-'));
  const before = load();
  let isKept = true;
  try {
    const plan = planDisturbances(minutes, seed);
    const result = await new Soak({ folder, minutes, rate, plan, signal: interrupted.signal, progress }).run();
    const problems = judge(result.findings);
    const summary = { minutes, seed, load: [before, load()], ...summaryOf(result), problems };
    if (options.json) print(JSON.stringify(summary, null, 2));
    else report(summary);
    isKept = problems.length > 0;
    return problems.length > 0 ? 1 : 0;
  } catch (error) {
    isKept = !interrupted.signal.aborted;
    progress(isKept ? `FAILED ${error instanceof Error ? error.message : String(error)}` : 'interrupted');
    return isKept ? 1 : 130;
  } finally {
    if (isKept) progress(`logs and data are kept in ${folder}`);
    else rmSync(folder, { recursive: true });
  }
}

function summaryOf({ findings, capacity, rate, p99s, delays, resumed, coaAcknowledged }: SoakResult) {
  const { mac, eap, accounting, posture, disturbances, totals, samples } = findings;
  return {
    capacity,
    rate,
    disturbances: disturbances.done,
    macAuthentication: {
      replies: mac.replies,
      wrong: mac.wrong,
      lost: mac.lost,
      p99Milliseconds: { median: median(p99s), worst: Math.max(...p99s) },
    },
    eapTls: { succeeded: eap.succeeded, resumed, unanswered: eap.unanswered },
    accounting: {
      records: accounting.records,
      retransmissions: accounting.retransmissions,
      unanswered: accounting.unanswered,
      sessions: accounting.ledger.length,
      stored: accounting.stored.length,
    },
    posture: {
      asked: posture.asked,
      lost: posture.lost,
      changes: delays.length,
      slowestMilliseconds: Math.max(0, ...delays),
      coaAcknowledged,
    },
    eventsSent: totals['events.sent'] ?? 0,
    isMemoryJudged: findings.isMemoryJudged,
    growth: growthOf(samples),
  };
}

function report(
  summary: ReturnType<typeof summaryOf> & {
    readonly minutes: number;
    readonly seed: number;
    readonly load: readonly number[];
    readonly problems: readonly string[];
  },
): void {
  const { macAuthentication: mac, eapTls, accounting, posture, growth, problems, capacity } = summary;
  const { median: usual, worst } = mac.p99Milliseconds;
  print(`${summary.minutes} minutes, seed ${summary.seed}, load average ${summary.load.join(' before, ')} after`);
  if (capacity !== null) print(`capacity            ${capacity.toFixed(0)} MAC authentications/s in a closed loop`);
  print(`disturbances        ${summary.disturbances}`);
  print(`MAC authentication  ${summary.rate}/s: ${mac.replies} replies, ${mac.wrong} wrong, ${mac.lost} lost`);
  print(`                    p99 of 5 seconds: median ${usual.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`);
  print(
    `EAP-TLS             ${eapTls.succeeded} conversations, ${eapTls.resumed} resumed, ${eapTls.unanswered} unanswered`,
  );
  print(
    `accounting          ${accounting.records} records, ${accounting.retransmissions} sent again, ${accounting.unanswered} never acknowledged`,
  );
  print(`                    ${accounting.sessions} sessions; the controller has ${accounting.stored} of all devices`);
  print(
    `posture             ${posture.changes} changes, the slowest seen after ${(posture.slowestMilliseconds / 1000).toFixed(1)} s; ${posture.coaAcknowledged} CoA acknowledged`,
  );
  for (const { process, of, before, after, isFlat } of growth) {
    const verdict = isFlat ? 'flat' : summary.isMemoryJudged ? 'GREW' : 'grew; too short a run to judge';
    print(`${process}, ${of}: ${before.toFixed(0)} → ${after.toFixed(0)} ${verdict}`);
  }
  for (const problem of problems) print(`FAILED ${problem}`);
  if (problems.length === 0) print('passed');
}
