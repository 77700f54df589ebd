import type { Outcome } from '../bench-case.ts';
import { median } from '../statistics.ts';
import { benchSnapshot, startCordon } from './cordon-side.ts';
import { hasFreeradius, hasRest, hasSql, startFiles, startRest, startSql } from './freeradius-side.ts';
import { Generator } from './generator.ts';
import { placement } from './grant.ts';
import type { MacJob, MacOutcome } from './mac-generator.ts';
import { cpuSeconds } from './process-tree.ts';
import { alternate, macsOf, round, type RadiusCase, type RadiusOptions } from './radius-case.ts';
import { secret, type Side } from './side.ts';

const inFlight = 64;
/** Until the compiler of the bridge has seen enough: it runs for months. */
const warmUp = 120_000;
/** Of the open loop: in a shorter round a single pause of the machine would be its p99. */
const openSeconds = 6;
/** A server may write down later what it answered at once: that belongs to the price, too. */
const settleMilliseconds = 1200;

interface Sample extends MacOutcome {
  readonly cpuMicroseconds: number;
}

export type MacGenerator = Generator<MacJob, MacOutcome>;
/** `first`: at a rate at which it sleeps most of the time. */
export const macGenerator = (goes: 'first' | 'along' = 'along'): MacGenerator =>
  new Generator('mac-generator.ts', goes);

/** Throws on a wrong reply. */
export async function measureMac(
  generator: MacGenerator,
  side: Side,
  { macs, ...job }: Pick<MacJob, 'count' | 'load'> & { readonly macs: readonly string[] },
): Promise<Sample> {
  const before = cpuSeconds(side.roots);
  const outcome = await generator.run({ port: side.port, secret, kinds: [{ macs, placement }], ...job });
  await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
  if (outcome.wrong > 0) throw new Error(`${side.name}: ${outcome.wrong} wrong replies, ${outcome.firstWrong}`);
  if (outcome.replies === 0) throw new Error(`${side.name} does not answer`);
  return { ...outcome, cpuMicroseconds: ((cpuSeconds(side.roots) - before) * 1e6) / outcome.replies };
}

const over = (samples: readonly Sample[], value: (sample: Sample) => number): number => median(samples.map(value));
const perSecond = ({ replies, seconds }: Sample): number => replies / seconds;

/** Those that are installed; Cordon first. */
async function startSides(options: RadiusOptions, macs: readonly string[], started: Side[]): Promise<void> {
  const { folder, nodeFlags } = options;
  started.push(await startCordon({ folder, macs, snapshot: benchSnapshot(), nodeFlags }));
  if (!hasFreeradius()) return;
  started.push(await startFiles(folder, macs));
  if (hasSql()) started.push(await startSql(folder, macs));
  if (hasRest()) started.push(await startRest(folder, macs));
}

/** Of the slower one's throughput: what both sustain, and what the busiest of hospitals has. */
const loads = [8, 2] as const;

interface OpenLoop {
  readonly rate: number;
  readonly samples: ReadonlyMap<Side, readonly Sample[]>;
}

interface Measured {
  readonly closed: ReadonlyMap<Side, readonly Sample[]>;
  readonly open: readonly OpenLoop[];
}

async function measureSides(
  sides: readonly Side[],
  macs: readonly string[],
  options: RadiusOptions,
): Promise<Measured> {
  const { rounds, isQuick, progress } = options;
  const [generator, clock] = [macGenerator(), macGenerator('first')];
  const count = isQuick ? 10_000 : 30_000;
  try {
    await alternate(sides, 1, (side) => {
      progress(`warming up ${side.name}`);
      // A server that is compiled ahead is warm at once.
      const requests = side === sides[0] ? warmUp : Math.min(count, 10_000);
      return measureMac(generator, side, { macs, count: requests, load: { inFlight } });
    });
    progress('closed loop');
    const closed = await alternate(sides, rounds, (side) =>
      measureMac(generator, side, { macs, count, load: { inFlight } }),
    );
    const quick = sides.slice(0, 2);
    const throughput = Math.min(...quick.map((side) => over(closed.get(side)!, perSecond)));
    const open: OpenLoop[] = [];
    for (const part of loads) {
      const rate = Math.round(throughput / part);
      progress(`open loop at ${rate}/s`);
      const job = { macs, count: rate * (isQuick ? 2 : openSeconds), load: { perSecond: rate } };
      open.push({ rate, samples: await alternate(quick, rounds, (side) => measureMac(clock, side, job)) });
    }
    return { closed, open };
  } finally {
    clock.close();
    generator.close();
  }
}

function outcomeOf(sides: readonly Side[], { closed, open }: Measured): Outcome {
  const rows: Record<string, Record<string, string | number>> = {};
  const figures: Record<string, number> = {};
  const notes: string[] = [];
  for (const side of sides) {
    const all = closed.get(side)!;
    const cpu = over(all, ({ cpuMicroseconds }) => cpuMicroseconds);
    const timed = open.flatMap(({ rate, samples }) => (samples.has(side) ? { rate, samples: samples.get(side)! } : []));
    rows[side.name] = {
      'replies/s': round(over(all, perSecond)),
      'CPU µs/reply': round(cpu, 1),
      'replies/CPU-s': round(1e6 / cpu),
      ...percentiles(all, ''),
      ...Object.assign({}, ...timed.map(({ rate, samples }) => percentiles(samples, ` at ${rate}/s`))),
      lost: [...all, ...timed.flatMap(({ samples }) => samples)].reduce((sum, { lost }) => sum + lost, 0),
    };
    figures[`${side.name}: CPU µs/reply`] = cpu;
  }
  const [cordon, ...peers] = sides;
  for (const peer of peers) {
    figures[`replies per CPU-second, Cordon : ${peer.name}`] =
      figures[`${peer.name}: CPU µs/reply`]! / figures[`${cordon!.name}: CPU µs/reply`]!;
  }
  for (const [i, { rate, samples }] of open.entries()) {
    const [own, files] = [...samples.values()].map((all) => over(all, ({ p99 }) => p99));
    figures[`open loop, 1/${loads[i]}: per second`] = rate;
    figures[`open loop, 1/${loads[i]}: Cordon, p99 ms`] = own!;
    if (files === undefined) continue;
    figures[`open loop, 1/${loads[i]}: FreeRADIUS files, p99 ms`] = files;
    figures[ratioAt(loads[i]!)] = own! / files;
  }
  if (peers.length < 3) notes.push('not everything is installed that Cordon is compared with: see README.md');
  return { rows, figures, notes };
}

const ratioAt = (part: number): string => `p99 at 1/${part} of the throughput, Cordon : FreeRADIUS files`;

const percentiles = (samples: readonly Sample[], where: string): Record<string, number> => ({
  [`p50 ms${where}`]: round(
    over(samples, ({ p50 }) => p50),
    2,
  ),
  [`p99 ms${where}`]: round(
    over(samples, ({ p99 }) => p99),
    2,
  ),
});

export const macCase: RadiusCase = {
  name: 'MAC authentication',
  targets: [
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS files', want: 'at least', limit: 1.5 },
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS SQL', want: 'at least', limit: 5 },
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS REST', want: 'at least', limit: 5 },
    ...loads.map((part) => ({ figure: ratioAt(part), want: 'at most', limit: 1 }) as const),
  ],
  run: async (options) => {
    const sides: Side[] = [];
    const macs = macsOf(options.devices);
    try {
      await startSides(options, macs, sides);
      return outcomeOf(sides, await measureSides(sides, macs, options));
    } finally {
      for (const side of sides) await side.close();
    }
  },
};
