import type { Outcome } from '../bench-case.ts';
import { benchSnapshot, startCordon } from './cordon-side.ts';
import { hasFreeradius, hasRest, hasSql, startFiles, startRest, startSql } from './freeradius-side.ts';
import { Generator } from './generator.ts';
import { placement } from './grant.ts';
import type { MacJob, MacOutcome } from './mac-generator.ts';
import { lostIn, over, p99Of, percentiles } from './percentiles.ts';
import { cpuSeconds } from './process-tree.ts';
import { alternate, macsOf, round, type RadiusCase, type RadiusOptions } from './radius-case.ts';
import { policies, schedule, type Policy } from './scheduling.ts';
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

type MeasuredJob = Pick<MacJob, 'count' | 'load'> & { readonly macs: readonly string[] };

/** Throws on a wrong reply. */
export async function measureMac(generator: MacGenerator, side: Side, { macs, ...job }: MeasuredJob): Promise<Sample> {
  const before = cpuSeconds(side.roots);
  const outcome = await generator.run({ port: side.port, secret, kinds: [{ macs, placement }], ...job });
  await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
  if (outcome.wrong > 0) throw new Error(`${side.name}: ${outcome.wrong} wrong replies, ${outcome.firstWrong}`);
  if (outcome.replies === 0) throw new Error(`${side.name} does not answer`);
  return { ...outcome, cpuMicroseconds: ((cpuSeconds(side.roots) - before) * 1e6) / outcome.replies };
}

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
  readonly samples: ReadonlyMap<Contender, readonly Sample[]>;
}

/** Cordon twice: scheduled as any other process, and as its unit has it. */
interface Contender {
  readonly name: string;
  readonly side: Side;
  readonly policy: Policy | null;
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
    const [cordon, files] = sides;
    const quick = sides.slice(0, 2);
    const contenders: Contender[] = [
      ...policies.map((policy) => ({ name: nameOf(policy), side: cordon!, policy })),
      ...(files ? [{ name: files.name, side: files, policy: null }] : []),
    ];
    const measure = ({ side, policy }: Contender, job: MeasuredJob): Promise<Sample> => {
      if (policy) schedule(side.roots[0]!, policy);
      return measureMac(clock, side, job);
    };
    const throughput = Math.min(...quick.map((side) => over(closed.get(side)!, perSecond)));
    const open: OpenLoop[] = [];
    for (const part of loads) {
      const rate = Math.round(throughput / part);
      progress(`open loop at ${rate}/s`);
      const job = { macs, count: rate * (isQuick ? 2 : openSeconds), load: { perSecond: rate } };
      open.push({ rate, samples: await alternate(contenders, rounds, (contender) => measure(contender, job)) });
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
    rows[side.name] = {
      'replies/s': round(over(all, perSecond)),
      'CPU µs/reply': round(cpu, 1),
      'replies/CPU-s': round(1e6 / cpu),
      ...percentiles(all),
      lost: lostIn(all),
    };
    figures[`${side.name}: CPU µs/reply`] = cpu;
  }
  const [cordon, ...peers] = sides;
  for (const peer of peers) {
    figures[`replies per CPU-second, Cordon : ${peer.name}`] =
      figures[`${peer.name}: CPU µs/reply`]! / figures[`${cordon!.name}: CPU µs/reply`]!;
  }
  for (const [i, { rate, samples }] of open.entries()) {
    const p99s: number[] = [];
    for (const [{ name }, all] of samples) {
      const row = (rows[name] ??= {});
      row['lost'] = Number(row['lost'] ?? 0) + lostIn(all);
      Object.assign(row, percentiles(all, ` at ${rate}/s`));
      p99s.push(p99Of(all));
      figures[`${name}: p99 ms at ${rate}/s`] = p99s.at(-1)!;
    }
    const files = p99s[policies.length];
    if (files === undefined) continue;
    for (const [at, policy] of policies.entries()) figures[ratioAt(loads[i]!, policy)] = p99s[at]! / files;
  }
  if (peers.length < 3) notes.push('not everything is installed that Cordon is compared with: see README.md');
  return { rows, figures, notes };
}

const nameOf = (policy: Policy): string => (policy === 'usual' ? 'Cordon' : `Cordon, ${policy}`);
const ratioAt = (part: number, policy: Policy): string =>
  `p99 at 1/${part} of the throughput, ${nameOf(policy)} : FreeRADIUS files`;

export const macCase: RadiusCase = {
  name: 'MAC authentication',
  targets: [
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS files', want: 'at least', limit: 1.5 },
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS SQL', want: 'at least', limit: 5 },
    { figure: 'replies per CPU-second, Cordon : FreeRADIUS REST', want: 'at least', limit: 5 },
    ...loads.flatMap((part) =>
      policies.map((policy) => ({ figure: ratioAt(part, policy), want: 'at most', limit: 1 }) as const),
    ),
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
