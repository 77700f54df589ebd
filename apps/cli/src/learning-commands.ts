import type { Command } from 'commander';
import { learnDefaults } from '#learn';
import { learn, type LearnCommandOptions } from './commands/learn.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const learnHelp = `
Examples:
  cordon learn --flows flows.csv --inventory devices.csv --class infusion-pump
  cordon learn --flows flows.csv --inventory devices.csv --until 2027-03-31 --out policies

What it prints is a file of rules with comments; nothing is in force until somebody commits it. docs/learning.md says how to read it.
Exit codes: 0 there is nothing to propose, 2 there is, 1 a file is refused.`;

/** Commands that propose policy. None of them changes what is in force. */
export function addLearningCommands(cordon: Command, run: Run): void {
  cordon
    .command('learn')
    .description('propose the fewest rules for what was seen on the network and is not allowed yet')
    .requiredOption('--flows <file>', 'connections seen: CSV, JSON lines, `nfdump -o csv`, or the JSON of ulogd2')
    .requiredOption('--inventory <file>', 'devices with their addresses: CSV or JSON lines')
    .option('--policy <dir>', 'policy folder', 'policies')
    .option('--class <class...>', 'only lines about these classes and those below them')
    .option('--out <dir>', 'write rules/learned-DATE.csv, and new names into catalog/, there')
    .option('--broader', 'take applications and classes that open more than was seen, and say so')
    .option('--internet', 'propose lines to and from the internet, too')
    .option('--min-connections <n>', 'connections that something must be seen', `${learnDefaults.minConnections}`)
    .option(
      '--min-devices <n>',
      'devices of the class that must show it; half of a class that has fewer',
      `${learnDefaults.minDevices}`,
    )
    .option(
      '--scan-targets <n>',
      'so many targets of one source in a short time are a scan',
      `${learnDefaults.scanTargets}`,
    )
    .option('--scan-seconds <n>', 'the short time', `${learnDefaults.scanSeconds}`)
    .option('--until <day>', 'let the lines end with this day, such as 2027-03-31')
    .option('--all', 'print everything that is left out')
    .option('--at <instant>', 'judge schedules and end dates at this time (default: now)')
    .option('--json', 'machine-readable output')
    .addHelpText('after', learnHelp)
    .action((options: LearnCommandOptions) => run(() => learn(options)));
}
