import type { Command } from 'commander';
import { fmt, fmtExitCodes, type FmtOptions } from './commands/fmt.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const json = ['--json', 'machine-readable output'] as const;

/** What helps people to write policy files. */
export function addEditingCommands(cordon: Command, run: Run): void {
  cordon
    .command('fmt')
    .argument('[dir]', 'policy folder', 'policies')
    .description('format the files of a policy; what they mean stays the same')
    .option('--check', 'change nothing; exit 1 when a file would change')
    .option('--diff', 'change nothing; show the lines that would')
    .option(...json)
    .addHelpText('after', fmtExitCodes)
    .action((folder: string, options: FmtOptions) => run(() => fmt(folder, options)));
}
