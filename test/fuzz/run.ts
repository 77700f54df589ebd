/*
 * npm run fuzz [-- --inputs 10000000] [--seed 1] [--only TEXT] [--json]
 *
 * Gives what reads bytes of strangers wrong bytes, made from good ones. See README.md.
 */
import { parseArgs } from 'node:util';
import { mutate, Random } from './inputs.ts';
import { targets, type Target } from './targets.ts';

const { values: options } = parseArgs({
  options: {
    inputs: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
const inputs = Number(options.inputs);
const seed = Number(options.seed);
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed))
  throw new Error('--inputs and --seed take whole numbers');

interface Report {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly heapBeforeMegabytes: number;
  readonly heapAfterMegabytes: number;
  readonly failure: string | null;
}

const progressEvery = 500_000;
/** Megabytes that a target may leave behind: compiled code, not what it was given. */
const mostGrowth = 20;

const heap = (): number => {
  globalThis.gc!();
  return process.memoryUsage().heapUsed / 1e6;
};

async function fuzz(target: Target, count: number): Promise<Report> {
  const random = new Random(seed);
  // What is compiled on the way is there before memory is looked at.
  for (const good of target.seeds) await target.run(good);
  const before = heap();
  const begun = performance.now();
  let failure: string | null = null;
  let done = 0;
  for (; done < count && failure === null; done++) {
    const input = mutate(random.pick(target.seeds), random);
    try {
      const running = target.run(input);
      if (running) await running;
    } catch (error) {
      failure = `input ${done} of seed ${seed}, ${input.toString('hex')}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    }
    if (done % progressEvery === 0) process.stderr.write(`  ${target.name}: ${done} of ${count}\n`);
  }
  const seconds = (performance.now() - begun) / 1000;
  const after = heap();
  if (failure === null && after - before > mostGrowth)
    failure = `memory grew from ${before.toFixed(1)} to ${after.toFixed(1)} MB`;
  return {
    target: target.name,
    inputs: done,
    seconds,
    heapBeforeMegabytes: before,
    heapAfterMegabytes: after,
    failure,
  };
}

const chosen = targets.filter(({ name }) => name.includes(options.only));
if (chosen.length === 0) throw new Error(`no target has \`${options.only}\` in its name`);
const reports: Report[] = [];
for (const target of chosen) reports.push(await fuzz(target, Math.ceil(inputs / chosen.length)));

if (options.json) process.stdout.write(`${JSON.stringify({ seed, reports }, null, 2)}\n`);
else {
  for (const { target, inputs: count, seconds, heapBeforeMegabytes, heapAfterMegabytes, failure } of reports) {
    const memory = `heap ${heapBeforeMegabytes.toFixed(1)} → ${heapAfterMegabytes.toFixed(1)} MB`;
    process.stdout.write(
      `${failure ? 'FAILED' : 'passed'} ${target}: ${count} inputs in ${seconds.toFixed(0)} s, ${memory}\n`,
    );
    if (failure) process.stdout.write(`  ${failure}\n`);
  }
  process.stdout.write(`${reports.reduce((sum, report) => sum + report.inputs, 0)} inputs, seed ${seed}\n`);
}
process.exitCode = reports.some(({ failure }) => failure !== null) ? 1 : 0;
