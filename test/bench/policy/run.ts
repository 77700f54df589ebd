/*
 * npm run bench:policy [-- --only random|structured|TEXT]… [--sizes 4000,40000] [--rounds N] [--quick] [--json]
 *
 * Cordon's policy compiler beside Capirca in one run. See ../README.md for what is measured and how to read it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { load } from '../statistics.ts';
import { judge, type BenchCase, type Outcome, type Verdict } from '../bench-case.ts';
import { casesOf, generalCases } from './cases.ts';
import { shapes, type Shape } from './parameters.ts';
import { hasCapirca, noCapirca } from './tools.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    sizes: { type: 'string', default: '4000' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

if (!existsSync(join(import.meta.dirname, '../../../dist'))) throw new Error('not built yet: `npm run build` first');
if (!hasCapirca() && process.env['CI']) throw new Error(`${noCapirca}: a comparison without its peer is none`);

interface Planned {
  readonly shape: Shape;
  readonly rules: number;
  readonly case: BenchCase;
}

function plannedCases(): Planned[] {
  const rules = options.sizes.split(',').map(Number);
  if (rules.some((count) => !(Number.isInteger(count) && count >= 400))) {
    throw new Error(`--sizes is \`${options.sizes}\`: give numbers of rules, 400 at least`);
  }
  const all = shapes.flatMap((shape) =>
    rules.flatMap((count) => casesOf(shape, count).map((found) => ({ shape, rules: count, case: found }))),
  );
  for (const found of generalCases) all.push({ shape: 'random', rules: 0, case: found });
  // Several words narrow it down: `--only structured --only ACL`.
  const wanted = all.filter(({ case: { name } }) => options.only.every((text) => name.includes(text)));
  if (wanted.length === 0) throw new Error(`--only ${options.only.join(' --only ')}: no case has this in its name`);
  return wanted;
}

function run({ shape, rules, case: { name } }: Planned, rounds: number): Outcome {
  const child = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'case-child.ts'), shape, `${rules}`, name, `${rounds}`],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 },
  );
  if (child.status !== 0) throw new Error(`\`${name}\` failed`);
  return JSON.parse(child.stdout) as Outcome;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const coloured = (style: 'green' | 'red' | 'bold' | 'dim', text: string): string =>
  styleText(style, text, { stream: process.stdout });

function printOutcome({ name, target }: BenchCase, outcome: Outcome): void {
  print(coloured('bold', name));
  console.table(outcome.rows);
  for (const [ratio, value] of Object.entries(outcome.figures).filter(([key]) => key.endsWith('Cordon : Capirca'))) {
    print(`${ratio} = ${value.toFixed(2)}`);
  }
  for (const note of outcome.notes) print(note);
  if (target) {
    const verdict = judge(target, outcome);
    const style = ({ met: 'green', missed: 'red', 'not compared': 'dim' } as const)[verdict];
    print(`target: ${target.figure} ${target.want} ${target.limit}: ${coloured(style, verdict)}`);
  }
  print('');
}

const loadBefore = load();
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
if (!(Number.isInteger(rounds) && rounds >= 1)) throw new Error(`--rounds is \`${options.rounds}\`: give a number`);
const planned = plannedCases();
const results: { name: string; target: BenchCase['target']; verdict: Verdict | null; outcome: Outcome }[] = [];
for (const [i, one] of planned.entries()) {
  const { name, target } = one.case;
  process.stderr.write(`[${i + 1}/${planned.length}] ${name}\n`);
  const outcome = run(one, rounds);
  results.push({ name, target, verdict: target && judge(target, outcome), outcome });
  if (!options.json) printOutcome(one.case, outcome);
}
const machine = { processors: cpus().length, model: cpus()[0]?.model ?? '', loadBefore, loadAfter: load() };
if (options.json) print(JSON.stringify({ machine, node: process.version, rounds, cases: results }, null, 2));
else {
  const count = (verdict: Verdict): number => results.filter((one) => one.verdict === verdict).length;
  print(`${machine.processors} × ${machine.model}, load average ${loadBefore} before, ${machine.loadAfter} after`);
  print(`targets: ${count('met')} met, ${count('missed')} missed, ${count('not compared')} not compared`);
  for (const { name, verdict } of results) if (verdict === 'missed') print(`  missed: ${name}`);
}
