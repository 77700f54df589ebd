import { Command } from 'commander';
import { addChangeCommands } from './change-commands.js';
import { listTargets } from './commands/artefact-scope.js';
import { backup, type BackupOptions } from './commands/backup.js';
import { casbinExport, type CasbinExportOptions } from './commands/casbin.js';
import { check, checkExitCodes, type CheckOptions } from './commands/check.js';
import {
  listCredentials,
  removeCredential,
  setCredential,
  type CredentialOptions,
  type ListCredentialOptions,
  type SetCredentialOptions,
} from './commands/credential.js';
import { explain, type ExplainOptions } from './commands/explain.js';
import { plan, type PlanOptions } from './commands/plan.js';
import { access, compile, PolicyRefused, test } from './commands/policy.js';
import { radtest, type RadtestOptions } from './commands/radtest.js';
import { render } from './commands/render.js';
import { serve, type ServeOptions } from './commands/serve.js';
import { verify } from './commands/verify.js';
import { completion } from './completion.js';
import { asked, controllerVariables, mayAsk } from './controller-client.js';
import { addEditingCommands } from './editing-commands.js';
import { addHistoryCommands } from './history-commands.js';
import { addLearningCommands, flowFormats } from './learning-commands.js';
import { diagnosticJson, print, printDiagnostics, printJson, red } from './output.js';
import { UsageError } from './policy-files.js';
import { addPullRequestCommands } from './pull-request-commands.js';

/**
 * Exit codes: 0 good, 1 refused or failed, 2 (plan) there are changes, (radtest) rejected, (verify) it differs, (history)
 * nothing is known, 3 (check) findings.
 */
function program(): Command {
  const cordon = new Command('cordon')
    .description('Zero-trust policy for medical-device networks: check it, see what it does, serve it')
    .showHelpAfterError()
    .addHelpText(
      'after',
      '\nStart with `cordon check`, or `cordon serve` for the whole thing on this machine. docs/ has the guides.',
    );
  const json = ['--json', 'machine-readable output'] as const;
  const at = ['--at <instant>', 'judge schedules and end dates at this time (default: now)'] as const;

  cordon
    .command('check')
    .argument('[dir]', 'policy folder', 'policies')
    .description('load, compile, test and analyse a policy; report everything wrong with it')
    .option('--fail-on <severity>', 'error, warning or info: fail when there are such findings', 'error')
    .option('--all', 'show infos too, and every warning')
    .option(...at)
    .option(...json)
    .addHelpText('after', checkExitCodes)
    .action((folder: string, options: CheckOptions) => run(() => check(folder, options)));
  cordon
    .command('compile')
    .argument('[dir]', 'policy folder', 'policies')
    .description('compile to a snapshot: digest, counts, next change')
    .option(...at)
    .option('--out <file>', 'write the snapshot there')
    .option(...json)
    .action((folder: string, options) => run(() => compile(folder, options)));
  cordon
    .command('explain')
    .description('may FROM open connections to TO: which lines say so, by which memberships, or what is missing')
    .option('--policy <dir|rev>', 'policy folder, git revision, or revision:folder', 'policies')
    .requiredOption('--from <principal>', 'device class, endpoint or address')
    .requiredOption('--to <principal>', 'device class, endpoint or address')
    .requiredOption('--app <application>', 'application, or tcp/443')
    .option('--site <site>', 'site where the device is: ask about its role there (with --posture)')
    .option('--posture <posture>', 'verified, unverified, at-risk or quarantined (with --site)')
    .option(...at)
    .option(...json)
    .action((options: ExplainOptions) => run(() => explain(options)));
  cordon
    .command('access')
    .description('where a device goes, and what a switch is told')
    .option('--policy <dir>', 'policy folder', 'policies')
    .requiredOption('--class <class>', 'device class')
    .requiredOption('--site <site>', 'site')
    .requiredOption('--posture <posture>', 'verified, unverified, at-risk or quarantined')
    .option('--nas <profile>', 'NAS profile', 'rfc')
    .option(...at)
    .option(...json)
    .action((options) => run(() => access(options)));
  cordon
    .command('test')
    .argument('[dir]', 'policy folder', 'policies')
    .description("run the policy's own tests and invariants")
    .option(...json)
    .action((folder: string, options) => run(() => test(folder, options)));
  mayAsk(cordon.command('plan'), ' (with --since); role planner is enough')
    .description('what a policy change will do; exit 0 nothing, 2 something, 1 refused or a test of it broken')
    .requiredOption('--from <rev|dir>', 'folder, git revision, or revision:folder')
    .requiredOption('--to <rev|dir>', 'folder, git revision, or revision:folder')
    .option('--inventory <file>', 'devices to count: CSV or JSON lines')
    .option('--flows <file>', flowFormats)
    .option('--since <time>', 'flows that the controller saw since then, such as 30d, and its devices')
    .option(...at)
    .option('--format <format>', 'human, json, markdown, sarif or junit (default: human)')
    .option('--out <file>', 'write it there')
    .option('--max-bytes <bytes>', 'cut the details of markdown to fit (default: 60000)')
    .option(...json)
    .action((options: PlanOptions) => run(() => plan(options)));
  cordon
    .command('casbin')
    .description('the policy for other Casbin tools')
    .command('export')
    .argument('<dir>', 'folder to write model.conf and policy.csv into')
    .description('write model.conf and policy.csv for any Casbin, with the same decisions at one instant')
    .option('--policy <dir|rev>', 'policy folder, git revision, or revision:folder', 'policies')
    .option(...at)
    .option(...json)
    .action((folder: string, options: CasbinExportOptions) => run(() => casbinExport(folder, options)));
  cordon
    .command('render')
    .description(
      "print a device's port ACL in a switch's own words, proved equal to the policy; or what a switch does alone",
    )
    .option('--policy <dir>', 'policy folder', 'policies')
    .option('--target <target>', 'language of the switch, see below')
    .option('--site <site>', 'site')
    .option('--class <class>', 'device class; not for targets of a whole site')
    .option('--posture <posture>', 'verified, unverified, at-risk or quarantined', 'verified')
    .option('--server-down', 'what a switch does while no RADIUS server answers, of --nas, --site or --all')
    .option('--nas <name>', 'that switch (with --server-down)')
    .option('--all', 'every switch (with --server-down)')
    .option('--out <dir>', 'write a file for each switch there (with --server-down)')
    .option(...at)
    .option(...json)
    .addHelpText('after', listTargets)
    .action((options) => run(() => render(options)));
  cordon
    .command('verify')
    .description("is what a switch has what policy says; exit 0 yes, 2 it differs, 1 it can't be read")
    .option('--policy <dir>', 'policy folder', 'policies')
    .option('--target <target>', 'language of the file, see below')
    .requiredOption('--file <file>', 'configuration of the switch; - for standard input')
    .option('--site <site>', 'site')
    .option('--class <class>', 'device class; not for targets of a whole site')
    .option('--posture <posture>', 'verified, unverified, at-risk or quarantined', 'verified')
    .option('--list <name...>', 'access lists of the file that are meant, where it has several')
    .option('--server-down', 'compare what the switch does while no RADIUS server answers (with --nas)')
    .option('--nas <name>', 'of which switch the file is (with --server-down)')
    .option(...at)
    .option(...json)
    .addHelpText('after', listTargets)
    .action((options) => run(() => verify(options)));
  cordon
    .command('radtest')
    .argument('<mac>', 'MAC address of the device')
    .description('be a switch: authenticate a MAC and show the decoded reply; exit 0 accept, 2 reject, 1 no answer')
    .option('--nas <ip>', 'address to send from: the switch to be', '127.0.0.1')
    .option('--server <host:port>', 'RADIUS server', '127.0.0.1:1812')
    .option('--secret <secret>', 'shared secret (default: RADIUS_SECRET_DEMO, or that of `cordon serve` here)')
    .option('--data <dir>', 'data folder of `cordon serve`', '.cordon')
    .option(...json)
    .action((mac: string, options: RadtestOptions) => run(() => radtest(mac, options)));
  credentialCommands(cordon);
  cordon
    .command('serve')
    .description('controller and RADIUS bridge on this machine, with the sample hospital')
    .option('--data <dir>', 'where everything is kept', '.cordon')
    .option('--policy <repository>', 'git repository of the policy (default: a copy of the sample hospital)')
    .option('--http <host:port>', 'where the API listens', '127.0.0.1:8080')
    .option('--auth-port <port>', 'RADIUS authentication port', '1812')
    .option('--acct-port <port>', 'RADIUS accounting port', '1813')
    .action((options: ServeOptions) => run(() => serve(options)));
  asked(cordon.command('backup'), ' of an admin')
    .argument('<file>', 'where to write it; it holds hashes of passwords: keep it like a key')
    .description(
      "a whole copy of the controller's database, while it works (docs/operations.md says how to restore it)",
    )
    .option('--force', 'replace the file')
    .action((file: string, options: BackupOptions) => run(() => backup(file, options)));
  addEditingCommands(cordon, run);
  addHistoryCommands(cordon, run);
  addChangeCommands(cordon, run);
  addLearningCommands(cordon, run);
  addPullRequestCommands(cordon, run);
  cordon
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description('print a completion script, for example: source <(cordon completion bash)')
    .action((shell: string) => run(() => completion(cordon, shell)));
  return cordon;
}

/** Passwords of devices that authenticate by PEAP or EAP-TTLS. */
function credentialCommands(cordon: Command): void {
  const credential = cordon
    .command('credential')
    .description('passwords of devices that have no certificate (PEAP, EAP-TTLS)')
    .addHelpText('after', controllerVariables);
  asked(credential.command('set'))
    .argument('<username>', 'as the device sends it')
    .description('give a device a password, or another one')
    .requiredOption('--mac <mac>', 'MAC address of the device, which must be registered')
    .option('--methods <list>', 'pap (EAP-TTLS), mschapv2 (PEAP, EAP-TTLS), or pap,mschapv2 (default: pap)')
    .option('--generate', 'let the controller draw a password and show it once')
    .option('--password-stdin', 'read the password from standard input')
    .action((username: string, options: SetCredentialOptions) => run(() => setCredential(username, options)));
  asked(credential.command('list'))
    .description('user names and the devices that they belong to')
    .option('--mac <mac>', 'of this device only')
    .option('--search <text>', 'names that contain it')
    .action((options: ListCredentialOptions) => run(() => listCredentials(options)));
  asked(credential.command('remove'))
    .argument('<username>', 'as it was set')
    .description('remove a password: sessions that stand on it end at once')
    .action((username: string, options: CredentialOptions) => run(() => removeCredential(username, options)));
}

async function run(command: () => number | Promise<number>): Promise<void> {
  const isJson = process.argv.includes('--json');
  try {
    process.exitCode = await command();
  } catch (error) {
    process.exitCode = 1;
    if (error instanceof PolicyRefused) {
      if (isJson) printJson({ ok: false, diagnostics: error.diagnostics.map(diagnosticJson) });
      else {
        printDiagnostics(error.diagnostics);
        print(red(`${error.message}${error.place ? ` (${error.place})` : ''}`));
      }
    } else if (error instanceof UsageError) {
      if (isJson) printJson({ ok: false, error: error.message });
      else process.stderr.write(`${red('error')}: ${error.message}\n`);
    } else throw error;
  }
}

// `cordon … | head` closes the pipe early: no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

await program().parseAsync();
