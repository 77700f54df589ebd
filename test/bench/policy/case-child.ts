/* Runs one case in a process of its own, so that its memory and its compiled code are its own; prints the outcome as JSON. */
import { casesOf, generalCases } from './cases.ts';
import type { Shape } from './parameters.ts';

const [shape, rules, name, rounds] = process.argv.slice(2);
const found = [...casesOf(shape as Shape, Number(rules)), ...generalCases].find((one) => one.name === name);
if (!found) throw new Error(`no case is called \`${name}\``);
const outcome = await found.run({
  rounds: Number(rounds),
  progress: (text) => process.stderr.write(`  ${text}\n`),
});
process.stdout.write(JSON.stringify(outcome));
