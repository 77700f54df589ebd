/*
 * npm run bench:radius [-- --only TEXT]… [--quick] [--json] [--rounds N] [--devices N] [--node-flag=FLAG]…
 *
 * Cordon's RADIUS bridge measured beside FreeRADIUS in one run, because figures of different runs on a shared machine can't be
 * compared. See ../README.md for what is measured and how to read it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { judge, type Outcome, type Target, type Verdict } from '../bench-case.ts';
import { load } from '../statistics.ts';
import { cases } from './cases.ts';
import { hasFreeradius, hasRest, hasSql } from './freeradius-side.ts';
import type { RadiusCase } from './radius-case.ts';

/** As many as the MAC generator has different requests ready. */
const maxDevices = 16_384;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    devices: { type: 'string', default: '1000' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});

function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new Error(`--${name} is \`${text}\`: give a number from 1 to ${most}`);
}

if (!existsSync(join(import.meta.dirname, '../../../dist'))) throw new Error('not built yet: `npm run build` first');
if (process.env['CI'] && !(hasFreeradius() && hasSql() && hasRest())) {
  throw new Error(
    'a comparison without its peers is none (Debian: apt-get install freeradius freeradius-postgresql freeradius-rest postgresql)',
  );
}
const devices = wholeNumber('devices', options.devices, maxDevices);
const rounds = wholeNumber('rounds', options.rounds ?? (options.quick ? '3' : '5'), 100);
const wanted = cases.filter(({ name }) => options.only.every((text) => name.includes(text)));
if (wanted.length === 0) throw new Error(`--only ${options.only.join(' --only ')}: no case has this in its name`);

interface Result {
  readonly name: string;
  readonly targets: readonly (Target & { readonly found: number | null; readonly verdict: Verdict })[];
  readonly outcome: Outcome;
  /** Before and after. */
  readonly load: readonly [number, number];
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const coloured = (style: 'green' | 'red' | 'bold' | 'dim', text: string): string =>
  styleText(style, text, { stream: process.stdout });

async function measure({ name, targets, run }: RadiusCase): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
  const before = load();
  try {
    const outcome = await run({
      folder,
      rounds,
      isQuick: options.quick,
      devices,
      nodeFlags: options['node-flag'],
      progress: (text) => void process.stderr.write(`  ${text}\n`),
    });
    const judged = targets.map((target) => ({
      ...target,
      found: outcome.figures[target.figure] ?? null,
      verdict: judge(target, outcome),
    }));
    return { name, targets: judged, outcome, load: [before, load()] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const styles = { met: 'green', missed: 'red', 'not compared': 'dim' } as const;

function printResult({ name, targets, outcome, load: [before, after] }: Result): void {
  print(`${coloured('bold', name)} (load average ${before} before, ${after} after)`);
  console.table(outcome.rows);
  for (const note of outcome.notes) print(note);
  for (const { figure, want, limit, found, verdict } of targets) {
    print(`${figure} = ${found?.toFixed(2) ?? '?'}; target: ${want} ${limit}: ${coloured(styles[verdict], verdict)}`);
  }
  print('');
}

const results: Result[] = [];
for (const [i, one] of wanted.entries()) {
  process.stderr.write(`[${i + 1}/${wanted.length}] ${one.name}\n`);
  const result = await measure(one);
  results.push(result);
  if (!options.json) printResult(result);
}
const machine = { processors: cpus().length, model: cpus()[0]?.model ?? '' };
if (options.json) print(JSON.stringify({ machine, node: process.version, rounds, cases: results }, null, 2));
else {
  const all = results.flatMap(({ targets }) => targets);
  const count = (verdict: Verdict): number => all.filter((target) => target.verdict === verdict).length;
  print(`${machine.processors} × ${machine.model}, Node ${process.version}, median of ${rounds} rounds`);
  print(`targets: ${count('met')} met, ${count('missed')} missed, ${count('not compared')} not compared`);
}
