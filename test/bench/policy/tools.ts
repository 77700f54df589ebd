import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CapircaSources } from './capirca.ts';

/** What one run of a tool took, from the start of its process to the end of it. */
export interface Usage {
  readonly wallMilliseconds: number;
  /** All threads and child processes. */
  readonly cpuMilliseconds: number;
  /** Peak resident memory, of the largest process where there are several. */
  readonly peakMegabytes: number;
}

const root = join(import.meta.dirname, '../../..');
const cordon = join(root, 'bin/cordon.js');
export const instant = '2026-11-01T12:00:00Z';

export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Loaded before the command: when the process ends, it writes down what the kernel counted (getrusage). */
const hook = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.CORDON_BENCH_USAGE, JSON.stringify(process.resourceUsage())));`;

/** `cordon compile` of a folder: reads, loads, compiles, writes the snapshot. */
export function runCordon(policy: string, out: string): Usage {
  return run(`${out}.usage`, ['compile', policy, `--at=${instant}`, `--out=${out}`], [0]);
}

/** `cordon plan` from `from` to `to`, with `inventory.csv` and `flows.csv`, into `plan.json`. */
export function runPlan(folder: string): Usage {
  const [from, to, inventory, flows, out] = ['from', 'to', 'inventory.csv', 'flows.csv', 'plan.json'].map((name) =>
    join(folder, name),
  );
  return run(
    join(folder, 'usage'),
    [
      'plan',
      `--from=${from}`,
      `--to=${to}`,
      `--inventory=${inventory}`,
      `--flows=${flows}`,
      `--at=${instant}`,
      '--format=json',
      `--out=${out}`,
    ],
    [0, 2],
  );
}

function run(usageFile: string, words: readonly string[], good: readonly number[]): Usage {
  const begun = performance.now();
  const done = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(hook)}`, cordon, ...words],
    { encoding: 'utf8', env: { ...process.env, CORDON_BENCH_USAGE: usageFile }, maxBuffer: 64 << 20 },
  );
  const wallMilliseconds = performance.now() - begun;
  if (!good.includes(done.status ?? -1))
    throw new Error(`cordon ${words[0]} failed:\n${done.stdout.slice(0, 2000)}${done.stderr.slice(0, 2000)}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(usageFile, 'utf8')) as NodeJS.ResourceUsage;
  return { wallMilliseconds, cpuMilliseconds: (userCPUTime + systemCPUTime) / 1000, peakMegabytes: maxRSS / 1024 };
}

export const hasCapirca = (): boolean => spawnSync('aclgen', ['--help'], { stdio: 'ignore' }).error === undefined;

export const noCapirca = 'Capirca is not installed (Debian: apt-get install python3-capirca)';

/** The clock and the kernel's count (getrusage) of one command, without this wrapper's own start. */
const wrapper = `import json, resource, subprocess, sys, time
begun = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
wall = time.monotonic() - begun
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024]))`;

/** One file for each filter: the quickest way to run aclgen, see README.md. */
export function writeCapirca(folder: string, { networks, services, filters }: CapircaSources): void {
  const policies = [...filters].map(([name, text]): [string, string] => [`policies/pol/${name}.pol`, text]);
  mkdirSync(join(folder, 'out'), { recursive: true });
  writeFolder(folder, new Map([['def/all.net', networks], ['def/all.svc', services], ...policies]));
}

/** `aclgen --optimize` of a folder that `writeCapirca` wrote; `capircaOutput` reads what it wrote. */
export function runCapirca(folder: string): Usage {
  // It writes only what has changed: each run begins with nothing.
  rmSync(join(folder, 'out'), { recursive: true });
  mkdirSync(join(folder, 'out'));
  const flags = Object.entries({ base_directory: 'policies', definitions_directory: 'def', output_directory: 'out' });
  const done = spawnSync(
    'python3',
    [
      '-c',
      wrapper,
      'aclgen',
      '--optimize',
      '--max_renderers=1',
      ...flags.map(([flag, inside]) => `--${flag}=${join(folder, inside)}`),
    ],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  if (done.status !== 0) throw new Error(`aclgen did not run:\n${done.stderr.slice(-2000)}`);
  const [code, wallMilliseconds, cpuMilliseconds, peakMegabytes] = JSON.parse(done.stdout) as [number, ...UsageList];
  if (code !== 0) throw new Error(`aclgen failed:\n${done.stderr.slice(-2000)}`);
  return { wallMilliseconds, cpuMilliseconds, peakMegabytes };
}

type UsageList = [wallMilliseconds: number, cpuMilliseconds: number, peakMegabytes: number];

export function capircaOutput(folder: string): string {
  const out = join(folder, 'out');
  return readdirSync(out)
    .map((name) => readFileSync(join(out, name), 'utf8'))
    .join('\n');
}
