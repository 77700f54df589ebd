import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, Outcome } from './load-generator.ts';
import { hasFreeradius, secret, startCordon, startFreeradius, type Server } from './servers.ts';
import { cpuSeconds, median } from './statistics.ts';

export interface RadiusOptions {
  readonly rounds: number;
  readonly count: number;
  /** How many authenticate, in turn. */
  readonly devices: number;
  /** For `--cpu-prof` and the like; the bridge alone gets them. */
  readonly nodeFlags: readonly string[];
}

export interface RadiusFigures {
  readonly server: string;
  /** Medians over the rounds. */
  readonly repliesPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly repliesPerCpuSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly openLoop: { readonly perSecond: number; readonly p50: number; readonly p99: number; readonly lost: number };
}

interface Sample extends Outcome {
  readonly cpuMicroseconds: number;
}

interface Bench {
  readonly generator: ChildProcess;
  readonly servers: readonly Server[];
  readonly macs: readonly string[];
}

/** As many as the load generator has different requests ready. */
export const maxDevices = 16_384;
const inFlight = 64;
/** Until the compiler of the bridge has seen enough: it runs for months. */
const warmUp = 30_000;
/** A server may write down later what it answered at once: that belongs to the price, too. */
const settleMilliseconds = 1200;

const macsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const hex = i.toString(16).padStart(4, '0');
    return `00:1a:2b:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
  });

async function runJob(bench: Bench, server: Server, count: number, how: Job['load']): Promise<Sample> {
  const { generator, macs } = bench;
  const before = cpuSeconds(server.pid);
  const job: Job = { port: server.port, secret, macs, count, load: how };
  const ended = new AbortController();
  const gone = (): void => ended.abort(new Error('the load generator ended'));
  generator.once('exit', gone);
  generator.send(job);
  const [outcome] = (await once(generator, 'message', { signal: ended.signal })) as [Outcome];
  generator.off('exit', gone);
  await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
  const cpuMicroseconds = ((cpuSeconds(server.pid) - before) * 1e6) / outcome.replies;
  if (outcome.wrong > 0)
    throw new Error(`${server.name}: ${outcome.wrong} replies are no validly signed Access-Accept`);
  if (outcome.replies === 0) throw new Error(`${server.name} does not answer`);
  return { ...outcome, cpuMicroseconds };
}

/** A B A B …: what else the machine does hits both alike. */
async function alternate(
  bench: Bench,
  rounds: number,
  count: number,
  how: Job['load'],
): Promise<Map<Server, Sample[]>> {
  const samples = new Map(bench.servers.map((server) => [server, [] as Sample[]]));
  for (let round = 0; round < rounds; round++) {
    for (const server of bench.servers) samples.get(server)!.push(await runJob(bench, server, count, how));
  }
  return samples;
}

const over = (samples: readonly Sample[], value: (sample: Sample) => number): number => median(samples.map(value));

async function compare(
  servers: readonly Server[],
  macs: readonly string[],
  { rounds, count }: RadiusOptions,
): Promise<RadiusFigures[]> {
  const generator = fork(join(import.meta.dirname, 'load-generator.ts'));
  const bench: Bench = { generator, servers, macs };
  try {
    const warm = await alternate(bench, 1, warmUp, { inFlight });
    const grants = new Set([...warm.values()].map(([sample]) => sample!.grant.join()));
    if (grants.size > 1) throw new Error(`the servers do not grant the same:\n${[...grants].join('\n')}`);
    const closed = await alternate(bench, rounds, count, { inFlight });
    const slowest = Math.min(
      ...[...closed.values()].map((all) => over(all, ({ replies, seconds }) => replies / seconds)),
    );
    const perSecond = Math.round(slowest / 2);
    const open = await alternate(bench, rounds, Math.min(count, perSecond * 2), { perSecond });
    return servers.map((server): RadiusFigures => {
      const all = closed.get(server)!;
      const timed = open.get(server)!;
      const cpuMicroseconds = over(all, (sample) => sample.cpuMicroseconds);
      return {
        server: server.name,
        repliesPerSecond: over(all, ({ replies, seconds }) => replies / seconds),
        cpuMicroseconds,
        repliesPerCpuSecond: 1e6 / cpuMicroseconds,
        p50: over(all, ({ p50 }) => p50),
        p99: over(all, ({ p99 }) => p99),
        openLoop: {
          perSecond,
          p50: over(timed, ({ p50 }) => p50),
          p99: over(timed, ({ p99 }) => p99),
          lost: timed.reduce((sum, { lost }) => sum + lost, 0),
        },
      };
    });
  } finally {
    generator.disconnect();
  }
}

/** Cordon alone where FreeRADIUS is not installed. */
export async function benchRadius(options: RadiusOptions): Promise<RadiusFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
  const servers: Server[] = [];
  const macs = macsOf(options.devices);
  try {
    servers.push(await startCordon(folder, macs, options.nodeFlags));
    if (hasFreeradius()) servers.push(await startFreeradius(folder, macs));
    return await compare(servers, macs, options);
  } finally {
    for (const server of servers) await server.close();
    rmSync(folder, { recursive: true });
  }
}
