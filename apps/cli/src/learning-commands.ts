import type { Command } from 'commander';
import { learnDefaults } from '#learn';
import { importCapircaFiles, type ImportCapircaOptions } from './commands/import-capirca.js';
import { importMudFile, type ImportMudOptions } from './commands/import-mud.js';
import { mayAsk } from './controller-client.js';
import { learn, type LearnCommandOptions } from './commands/learn.js';

/** For every option that takes a file of flows. */
export const flowFormats = 'connections seen: CSV, JSON lines, `nfdump -o csv`, `conntrack -E`, or the JSON of ulogd2';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
const noFilterGiven = { filter: [], skip: [], class: [] };
const noneGiven = { parent: [], controller: [], manufacturer: [], model: [], resolve: [], device: [] };

const aboutMud = `
Exit code: 0 all of the file is carried, 2 some entries are left out, 1 refused.
Without --out nothing is written. What a word of the file has no name for is left out, never guessed.
Example: cordon import mud pump.json --class dose-pump --parent infusion-pump --my-controller pump-gateway \\
           --controller urn:ietf:params:mud:dns=dns-servers --resolve-now
docs/mud.md explains each step.`;

const aboutCapirca = `
Exit code: 0 all of the terms is carried, 2 some terms are left out, 1 refused.
Without --out nothing is written. Only allows are written: what earlier terms deny is taken out of those below.
Example: cordon import capirca --pol policies/pol/edge.pol --def def --filter edge-inbound --class PUMPS=infusion-pump
docs/capirca.md explains each step.`;

const learnHelp = `
Examples:
  cordon learn --flows flows.csv --inventory devices.csv --class infusion-pump
  cordon learn --flows flows.csv --inventory devices.csv --until 2027-03-31 --out policies
  cordon learn --since 30d --class infusion-pump

What it prints is a file of rules with comments; nothing is in force until somebody commits it. docs/learning.md says how to read it.
With --since, flows, devices and policy are those of the controller, but for what an option names; a token of role planner is enough.
Exit codes: 0 there is nothing to propose, 2 there is, 1 a file is refused.`;

/** Commands that propose policy. None of them changes what is in force. */
export function addLearningCommands(cordon: Command, run: Run): void {
  addLearn(cordon, run);
  addImports(cordon, run);
}

function addLearn(cordon: Command, run: Run): void {
  mayAsk(cordon.command('learn'), ' (with --since)')
    .description('propose the fewest rules for what was seen on the network and is not allowed yet')
    .option('--flows <file>', flowFormats)
    .option('--since <time>', 'what the controller saw since then, such as 30d, in place of --flows')
    .option('--inventory <file>', 'devices with their addresses: CSV or JSON lines')
    .option('--policy <dir>', 'policy folder (default: policies; with --since, the policy in force)')
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

function addImports(cordon: Command, run: Run): void {
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
  imports
    .command('capirca')
    .description(
      'endpoints, applications and rules from policies of Capirca or Aerleon: what they would add to the policy',
    )
    .requiredOption('--pol <file>', 'a policy, .pol; again for more', collect)
    .requiredOption('--def <dir>', 'folder with the definitions: .net and .svc')
    .option('--policy <dir>', 'policy folder that it is for', 'policies')
    .option('--name <name>', 'in the names of the files (default: that of the first policy)')
    .option('--filter <name>', 'name or number of a filter, where there are several; again for more', collect)
    .option('--platform <name>', 'as for this platform: its filters, and terms that are for it')
    .option('--ip <version>', '4, 6 or both: of which IP versions filters are (default: as their targets say)')
    .option('--class <network=class>', 'where devices of a class are; again for more', collect)
    .option('--from <network>', 'who is before the filters (default: anybody)')
    .option('--to <network>', 'who is behind the filters (default: anybody)')
    .option('--skip <term>', 'as if this term were not there; again for more', collect)
    .option('--includes <dir>', 'folder of included files (default: that of the policy, and the one above)')
    .option('--out <dir>', 'write the files into this policy folder; never overwrites')
    .option('--at <instant>', 'judge end dates at this time (default: now)')
    .option('--json', 'machine-readable output')
    .addHelpText('after', aboutCapirca)
    .action((options: ImportCapircaOptions) => run(() => importCapircaFiles({ ...noFilterGiven, ...options })));
}
