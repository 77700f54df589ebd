/*
 * npm run bench:enforce [-- --only PART]… [--quick] [--json] [--rounds N] [--devices N] [--sessions N] [--pumps N] [--switches N]
 *                           [--sites N] [--node-flag=FLAG]…
 *
 * From a commit to the switches and firewalls of a simulated hospital, all protocols real. See ../README.md.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { judge, type Outcome, type Target, type Verdict } from '../bench-case.ts';
import { load } from '../statistics.ts';
import { mostSites, type EstateSize } from './estate.ts';
import { whySimulated } from './firewalls.ts';
import { linearity, linearityTargets } from './linearity.ts';
import type { Part } from './part.ts';
import { editsPart, limitsPart } from './part-edits.ts';
import { posturePart } from './part-posture.ts';
import { streamPart } from './part-stream.ts';
import { RunningEstate } from './running-estate.ts';

const allParts: readonly Part[] = [editsPart, limitsPart, posturePart, streamPart];
const comparedParts: readonly Part[] = [editsPart, streamPart];
const names = [...allParts.map(({ name }) => name), 'linearity'];

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    devices: { type: 'string' },
    sessions: { type: 'string' },
    pumps: { type: 'string' },
    switches: { type: 'string' },
    sites: { type: 'string' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});

function wholeNumber(name: keyof EstateSize | 'rounds', usual: number, most: number): number {
  const number = Number(options[name] ?? usual);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new Error(`--${name} is \`${options[name]}\`: give a number from 1 to ${most}`);
}

if (!existsSync(join(import.meta.dirname, '../../../dist'))) throw new Error('not built yet: `npm run build` first');
const unknown = options.only.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${names.join(', ')}`);
const usual: EstateSize = options.quick
  ? { switches: 200, sites: 4, devices: 10_000, sessions: 5000, pumps: 500 }
  : { switches: 2000, sites: 20, devices: 100_000, sessions: 50_000, pumps: 5000 };
const rounds = wholeNumber('rounds', options.quick ? 1 : 3, 100);
const devices = wholeNumber('devices', usual.devices, 1_000_000);
const sessions = wholeNumber('sessions', Math.min(usual.sessions, devices), devices);
const size: EstateSize = {
  devices,
  sessions,
  pumps: wholeNumber('pumps', Math.min(usual.pumps, sessions), sessions),
  switches: wholeNumber('switches', usual.switches, 50_000),
  sites: wholeNumber('sites', usual.sites, mostSites),
};

interface Result {
  readonly name: string;
  readonly targets: readonly (Target & { readonly found: number | null; readonly verdict: Verdict })[];
  readonly outcome: Outcome;
  /** Before and after. */
  readonly load: readonly [number, number];
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (text: string): void => void process.stderr.write(`  ${text}\n`);
const coloured = (style: 'green' | 'red' | 'bold' | 'dim', text: string): string =>
  styleText(style, text, { stream: process.stdout });
const styles = { met: 'green', missed: 'red', 'not compared': 'dim' } as const;

function resultOf(name: string, targets: readonly Target[], outcome: Outcome, before: number): Result {
  const judged = targets.map((target) => ({
    ...target,
    found: outcome.figures[target.figure] ?? null,
    verdict: judge(target, outcome),
  }));
  const result: Result = { name, targets: judged, outcome, load: [before, load()] };
  if (!options.json) printResult(result);
  return result;
}

function printResult({ name, targets, outcome, load: [before, after] }: Result): void {
  print(`${coloured('bold', name)} (load average ${before} before, ${after} after)`);
  console.table(outcome.rows);
  for (const note of outcome.notes) print(note);
  for (const { figure, want, limit, found, verdict } of targets) {
    print(`${figure} = ${found?.toFixed(2) ?? '?'}; target: ${want} ${limit}: ${coloured(styles[verdict], verdict)}`);
  }
  print('');
}

const interrupted = new AbortController();
const { signal } = interrupted;
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort(new Error('interrupted')));

/** The parts, one after the other, on an estate of this size. */
async function measure(of: EstateSize, parts: readonly Part[], what: string): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
  let isWhole = false;
  try {
    process.stderr.write(`${what}: ${of.switches} switches at ${of.sites} sites, ${of.devices} devices\n`);
    const estate = await RunningEstate.start({ folder, size: of, nodeFlags: options['node-flag'], progress, signal });
    try {
      const results: Result[] = [];
      for (const part of parts) {
        const before = load();
        const outcome = await part.run(estate, { rounds, progress });
        results.push(resultOf(`${part.name}, ${of.devices} devices`, part.targets, outcome, before));
      }
      isWhole = true;
      return results;
    } finally {
      await estate.close();
    }
  } finally {
    if (isWhole) rmSync(folder, { recursive: true });
    else progress(`logs and data are kept in ${folder}`);
  }
}

const isWanted = (name: string): boolean => options.only.length === 0 || options.only.includes(name);
const isCompared = isWanted('linearity');
const results: Result[] = [];
const wanted = allParts.filter((part) => isWanted(part.name) || (isCompared && comparedParts.includes(part)));
if (isCompared) {
  const quarter = Math.ceil(devices / 4);
  const smaller = { ...size, devices: quarter, sessions: Math.max(size.pumps, Math.ceil(sessions / 4)) };
  results.push(...(await measure(smaller, comparedParts, 'a quarter')));
}
const whole = await measure(size, wanted, 'the whole');
if (isCompared) {
  const figuresOf = (all: readonly Result[], { name }: Part) =>
    all.find((result) => result.name.startsWith(`${name},`))!.outcome.figures;
  const [edits, stream] = comparedParts.map((part) => [figuresOf(results, part), figuresOf(whole, part)] as const);
  results.push(...whole, resultOf('linearity', linearityTargets, linearity(edits!, stream!, 4), load()));
} else results.push(...whole);

const machine = { processors: cpus().length, model: cpus()[0]?.model ?? '' };
const firewalls = whySimulated() === null ? 'nftables in network namespaces' : `simulated: ${whySimulated()}`;
if (options.json) {
  print(JSON.stringify({ machine, node: process.version, size, rounds, firewalls, parts: results }, null, 2));
} else {
  const all = results.flatMap(({ targets }) => targets);
  const count = (verdict: Verdict): number => all.filter((target) => target.verdict === verdict).length;
  print(
    `${machine.processors} × ${machine.model}, Node ${process.version}, median of ${rounds} rounds; firewalls: ${firewalls}`,
  );
  print(`targets: ${count('met')} met, ${count('missed')} missed, ${count('not compared')} not compared`);
}
