import type { Command } from 'commander';
import { importMudFile, type ImportMudOptions } from './commands/import-mud.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
const noneGiven = { parent: [], controller: [], manufacturer: [], model: [], resolve: [], device: [] };

const aboutMud = `
Exit code: 0 all of the file is carried, 2 some entries are left out, 1 refused.
Without --out nothing is written. What a word of the file has no name for is left out, never guessed.
Example: cordon import mud pump.json --class dose-pump --parent infusion-pump --my-controller pump-gateway \\
           --controller urn:ietf:params:mud:dns=dns-servers --resolve-now
docs/mud.md explains each step.`;

/** What is made of descriptions of devices. */
export function addLearningCommands(cordon: Command, run: Run): void {
  const imports = cordon.command('import').description('turn what others say of devices into files of a policy');
  imports
    .command('mud')
    .argument('<file>', 'the MUD file of the manufacturer (RFC 8520), JSON')
    .description('a class and its rules from a MUD file: what it would add to the policy')
    .option('--policy <dir>', 'policy folder that it is for', 'policies')
    .option('--class <class>', 'name of the device class (default: made of systeminfo)')
    .option('--criticality <level>', 'of a new class: life-critical, high or standard', 'standard')
    .option('--parent <class>', 'class above a new class; again for more', collect)
    .option('--local <name>', 'class or endpoint that local-networks are')
    .option('--my-controller <name>', 'endpoint that my-controller is')
    .option('--controller <uri=name>', 'endpoint that a controller is; again for more', collect)
    .option('--same-manufacturer <class>', 'class of the devices of the same manufacturer')
    .option('--manufacturer <host=class>', 'class of the devices of a manufacturer; again for more', collect)
    .option('--model <uri=class>', 'class of a model; again for more', collect)
    .option('--resolve <name=address>', 'address of a DNS name; again for more', collect)
    .option('--resolve-now', 'ask DNS for the addresses of names that have none')
    .option('--one-way', 'take what opens connections whose answers the file does not allow')
    .option('--flows <file>', 'connections seen: where they depart from the file (formats of `cordon plan`)')
    .option('--inventory <file>', 'devices with their addresses: those of the class are looked at (with --flows)')
    .option('--device <address>', 'address or prefix of devices of the class; again for more (with --flows)', collect)
    .option('--out <dir>', 'write the files into this policy folder; never overwrites')
    .option('--at <instant>', 'judge schedules and end dates at this time (default: now)')
    .option('--json', 'machine-readable output')
    .addHelpText('after', aboutMud)
    .action((file: string, options: ImportMudOptions) => run(() => importMudFile(file, { ...noneGiven, ...options })));
}
