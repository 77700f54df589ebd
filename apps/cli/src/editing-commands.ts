import type { Command } from 'commander';
import { fmt, fmtExitCodes, type FmtOptions } from './commands/fmt.js';
import { lsp, lspHelp, type LspOptions } from './commands/lsp.js';
import { mv, mvHelp, type MvOptions } from './commands/mv.js';
import {
  newAccess,
  newApplication,
  newClass,
  newEndpoint,
  newHelp,
  newRule,
  newSchedule,
  newSegment,
  newSite,
  type NewApplicationOptions,
  type NewClassOptions,
  type NewEndpointOptions,
  type NewRuleOptions,
  type NewScheduleOptions,
  type NewSegmentOptions,
  type NewSiteOptions,
} from './commands/new.js';
import { schema, type SchemaOptions } from './commands/schema.js';
import { watchHelp, watchPolicy, type WatchOptions } from './commands/watch.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const json = ['--json', 'machine-readable output'] as const;
const policy = ['--policy <dir>', 'policy folder', 'policies'] as const;
const dryRun = ['--dry-run', 'write nothing; show the lines that would change'] as const;

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
  cordon
    .command('watch')
    .description('check at every save, and show what the change would do')
    .option(...policy)
    .option('--base <rev>', 'compare with where HEAD left this (default: origin/main and the like; else HEAD)')
    .option('--inventory <file>', 'devices to count: CSV or JSON lines')
    .option('--flows <file>', 'connections seen on the network, as for `cordon plan`')
    .option('--at <instant>', 'judge schedules and end dates at this time (default: now)')
    .option('--poll', 'look again and again: for a folder on another machine, which sends no events')
    .option(...json)
    .addHelpText('after', watchHelp)
    .action((options: WatchOptions) => run(() => watchPolicy(options)));
  newCommands(cordon, run);
  cordon
    .command('mv')
    .argument('<old>', 'class, endpoint, group, application, segment, site or schedule')
    .argument('<new>', 'its new name')
    .description('give something another name, everywhere in the policy')
    .option('--kind <kind>', 'class, endpoint, application, segment, site or schedule, where several have the name')
    .option(...policy)
    .option(...dryRun)
    .option(...json)
    .addHelpText('after', mvHelp)
    .action((from: string, to: string, options: MvOptions) => run(() => mv(from, to, options)));
  cordon
    .command('lsp')
    .description('language server for editors: findings, completion, definitions, renaming, formatting')
    .option('--policy <dir>', 'policy folder (default: the one that a file is in)')
    .addHelpText('after', lspHelp)
    .action((options: LspOptions) => run(() => lsp(options)));
  cordon
    .command('schema')
    .description('JSON Schemas of the YAML files, for editors: what fields there are, and what is misspelt')
    .option('--out <dir>', 'folder for them', 'schemas')
    .option('--vscode', 'write nothing; print the settings for VS Code (extension YAML of Red Hat)')
    .option(...policy)
    .option(...json)
    .action((options: SchemaOptions) => run(() => schema(options)));
}

function newCommands(cordon: Command, run: Run): void {
  const all = cordon
    .command('new')
    .description('add something to the policy, in its place')
    .addHelpText('after', newHelp);
  const make = (name: string, about: string): Command =>
    all
      .command(name)
      .description(about)
      .option(...policy)
      .option('--file <file>', 'file in the policy folder (default: where its like stands)')
      .option(...dryRun)
      .option(...json)
      .addHelpText('after', newHelp);
  const entry = (name: string, about: string): Command =>
    make(name, about)
      .argument('<name>', 'small letters, digits and -')
      .option('--description <text>', 'what it is')
      .option('--owner <team>', 'who answers for it');

  entry('class', 'a device class')
    .option('--criticality <criticality>', 'life-critical, high or standard')
    .option('--parent <class...>', 'classes that it belongs to')
    .action((name: string, options: NewClassOptions) => run(() => newClass(name, options)));
  entry('endpoint', 'a server or a network')
    .requiredOption('--address <address...>', 'addresses and prefixes, IPv4 and IPv6')
    .option('--group <group...>', 'groups that it belongs to')
    .action((name: string, options: NewEndpointOptions) => run(() => newEndpoint(name, options)));
  entry('application', 'protocols and ports')
    .requiredOption('--port <port...>', 'tcp/443, udp/5000-5010, icmp/8, tcp, ip/50')
    .option('--source <text>', 'who says that it uses these')
    .option('--group <group...>', 'groups that it belongs to')
    .action((name: string, options: NewApplicationOptions) => run(() => newApplication(name, options)));
  entry('segment', 'a VLAN and its prefixes')
    .requiredOption('--at <site=vlan,prefix,prefix...>', 'for each site, like main=210,10.21.0.0/20,fd21::/64')
    .option('--dedicated-to <class>', 'only this class may be there')
    .option('--role <class>', 'what is there counts as this class')
    .option('--voice', 'it is for telephones')
    .action((name: string, options: NewSegmentOptions) => run(() => newSegment(name, options)));
  entry('site', 'a site, or an SSID with rules of its own')
    .option('--timezone <zone>', 'like Europe/Berlin')
    .option('--parent <site>', 'site that it belongs to')
    .action((name: string, options: NewSiteOptions) => run(() => newSite(name, options)));
  entry('schedule', 'a weekly time window')
    .requiredOption('--days <list>', 'like mon,tue,wed')
    .requiredOption('--from <time>', 'like 07:00')
    .requiredOption('--to <time>', 'like 17:00; not later than --from: into the next day')
    .requiredOption('--timezone <zone>', 'like Europe/Berlin')
    .action((name: string, options: NewScheduleOptions) => run(() => newSchedule(name, options)));
  rule(make('rule', 'who may open connections to whom'))
    .argument('<subject>', 'class, endpoint or group that opens')
    .argument('<object>', 'class, endpoint or group that answers')
    .argument('<application>', 'application or group of them')
    .argument('<effect>', 'allow or deny')
    .action((...given: [string, string, string, string, NewRuleOptions]) =>
      run(() => newRule(given.slice(0, 4) as string[], given[4])),
    );
  rule(make('access', 'in which segment a class is placed'))
    .argument('<class>', 'device class')
    .argument('<site>', 'site, or everywhere')
    .argument('<posture>', 'verified, unverified, at-risk or quarantined')
    .argument('<segment>', 'segment')
    .action((...given: [string, string, string, string, NewRuleOptions]) =>
      run(() => newAccess(given.slice(0, 4) as string[], given[4])),
    );
}

const rule = (command: Command): Command =>
  command
    .requiredOption('--note <text>', 'why: the ticket, the owner')
    .option('--when <condition>', 'always, until 2027-03-31, or a schedule', 'always');
