/*
 * npm run test:mutation [-- --only TEXT] [--list] [--json]
 *
 * Seeds the faults of faults.ts one by one in a copy of the sources and runs the specs that must notice each. See README.md.
 */
import { parseArgs } from 'node:util';
import { faults } from './faults.ts';
import { judge, problemOf, type Outcome } from './judge.ts';
import { ScratchTree } from './scratch-tree.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const chosen = faults.filter(({ name, file }) => `${name} ${file}`.includes(options.only));
if (chosen.length === 0) throw new Error(`no fault has \`${options.only}\` in its name or file: see --list`);

if (options.list) {
  for (const { name, file } of chosen) print(`${file}: ${name}`);
} else {
  process.exitCode = await run();
}

async function run(): Promise<number> {
  const started = performance.now();
  const tree = ScratchTree.copy();
  process.once('SIGINT', () => {
    tree.remove();
    process.exit(130);
  });
  try {
    progress('all their specs without a fault');
    const problem = await problemOf(tree, chosen);
    if (problem) throw new Error(`the specs fail without any fault: mend them first: ${problem}`);
    const outcomes: Outcome[] = [];
    for (const [i, fault] of chosen.entries()) {
      const outcome = await judge(tree, fault);
      outcomes.push(outcome);
      const result = outcome.result === 'caught' ? 'caught' : outcome.result.toUpperCase();
      progress(`${i + 1}/${chosen.length} ${result} in ${outcome.seconds.toFixed(1)} s: ${fault.name}`);
    }
    const seconds = (performance.now() - started) / 1000;
    report(outcomes, seconds);
    return outcomes.every(({ result }) => result === 'caught') ? 0 : 1;
  } finally {
    tree.remove();
  }
}

function report(outcomes: readonly Outcome[], seconds: number): void {
  if (options.json) {
    print(JSON.stringify({ seconds, outcomes }, null, 2));
    return;
  }
  const count = (result: Outcome['result']): number => outcomes.filter((one) => one.result === result).length;
  for (const { result, fault, detail } of outcomes)
    if (result !== 'caught') print(`${result.toUpperCase()} ${fault.file}: ${fault.name}${detail && `: ${detail}`}`);
  print(
    `${outcomes.length} faults: ${count('caught')} caught, ${count('survived')} survived, ${count('broken')} broken, ` +
      `${count('hung')} hung; ${Math.round(seconds)} s`,
  );
}
