import { suspicionKinds } from '#model';
import { Option, type Command } from 'commander';
import { counters, type CountersOptions } from './commands/counters.js';
import { denied, type DeniedOptions } from './commands/denied.js';
import { shipDenied, type ShipOptions } from './commands/ship-denied.js';
import { shipFlows, type ShipFlowsOptions } from './commands/ship-flows.js';
import { history, type HistoryOptions } from './commands/history.js';
import { sessions, type SessionsOptions } from './commands/sessions.js';
import { dismissSuspicion, suspicions, type DismissOptions, type SuspicionsOptions } from './commands/suspicions.js';
import { tail, type TailOptions } from './commands/tail.js';
import { asked } from './controller-client.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

/** None of them changes anything. */
const read = (command: Command): Command => asked(command, '; role viewer is enough');

const historyHelp = `
Examples:
  cordon history 00:03:b1:4a:10:21 --since 7d
  cordon history 00:03:b1:4a:10:21 --at 2026-11-24T03:12
  cordon history --nas main-idf3-sw1 --port GigabitEthernet1/0/7 --at 03:12

Times are those of this machine's clock unless they end in Z or an offset. A time without seconds means all of its minute.
Exit codes: 0 something is known, 2 nothing is, 1 the controller can't be asked.`;

const tailHelp = `
Goes on where it was when the controller comes back. What is no longer stored shows as a gap. With --json one object a
line: {"type":"authentication",…} or {"type":"gap","missed":N}.`;

const suspicionsHelp = `
docs/suspicions.md says what each kind means, and what to do. Exit codes: 0 nothing is open, 2 something is, 1 the controller can't be
asked.`;

const deniedHelp = `
docs/denied-traffic.md says how gateways come to tell it. Exit codes: 0 nothing was denied that policy would allow now, 2 something was,
1 the controller can't be asked.`;

/** Commands that look at what happened; all of them ask the controller. */
export function addHistoryCommands(cordon: Command, run: Run): void {
  read(cordon.command('sessions'))
    .description('who is on the network, where, and as what')
    .option('--mac <mac>', 'of this device, with what it says of itself by DHCP and LLDP')
    .option('--nas <nas>', 'on this switch or access point')
    .option('--site <site>', 'at this site')
    .option('--class <class>', 'of this device class')
    .option('--segment <segment>', 'in this segment')
    .option('--method <method>', 'authenticated by mac, password or certificate')
    .addOption(new Option('--state <state>', 'open, closed or all').choices(['open', 'closed', 'all']).default('open'))
    .option('--diverged', 'only open ones whose port is not what policy wants now, or not what its switch was told')
    .option('--limit <count>', 'so many at most, or all', '200')
    .action((options: SessionsOptions) => run(() => sessions(options)));
  read(cordon.command('tail'))
    .description('follow decisions live, each with its reason')
    .option('--mac <mac>', 'of this device')
    .option('--nas <nas>', 'on this switch or access point')
    .option('--port <port>', 'on this port (NAS-Port-Id)')
    .addOption(new Option('--outcome <outcome>', 'accept or reject').choices(['accept', 'reject']))
    .option('--segment <segment>', 'into this segment')
    .option('--recent <count>', 'begin with so many from before', '10')
    .option('--count <count>', 'end after so many')
    .addHelpText('after', tailHelp)
    .action((options: TailOptions) => run(() => tail(options)));
  read(cordon.command('history'))
    .argument('[mac]', 'the device')
    .description('all that happened to a device or on a port, and why it had its VLAN at a given time')
    .option('--nas <nas>', 'switch or access point (with --port)')
    .option('--port <port>', 'its port, as NAS-Port-Id names it')
    .option('--at <time>', 'explain where it was then')
    .option('--since <span>', 'how far back: 24h, 7d, or a time (default: 24h; with --at: the hour before)')
    .option('--limit <count>', 'so many entries of each kind at most', '500')
    .addHelpText('after', historyHelp)
    .action((mac: string | undefined, options: HistoryOptions) => run(() => history(mac, options)));
  read(cordon.command('counters'))
    .argument('<point>', 'enforcement point')
    .description('packets by line of policy at a firewall: lines that traffic meets, lines that it never met')
    .action((point: string, options: CountersOptions) => run(() => counters(point, options)));
  read(cordon.command('denied'))
    .description('what firewalls denied: who tried what, and whether policy would allow it now')
    .option('--since <span>', 'how far back: 1h, 7d, or a time; hours are told whole', '1h')
    .option('--class <class>', 'of devices of this class')
    .option('--point <point>', 'at this enforcement point')
    .option('--limit <count>', 'so many at most', '200')
    .addHelpText('after', deniedHelp)
    .action((options: DeniedOptions) => run(() => denied(options)));
  read(cordon.command('ship-denied'))
    .description('on a gateway: send what its ulogd2 writes to the controller. Needs role collector')
    .requiredOption('--file <file>', "ulogd2's JSON file")
    .requiredOption('--point <point>', 'enforcement point that this gateway is')
    .requiredOption('--position <file>', 'where to keep how far it got')
    .option('--once', 'end when all that is there was sent')
    .addHelpText('after', '\ndocs/denied-traffic.md has the configuration of ulogd2.')
    .action((options: ShipOptions) => run(() => shipDenied(options)));
  read(cordon.command('ship-flows'))
    .description('on a gateway or collector: send what it sees pass to the controller. Needs role collector')
    .option('--file <file>', 'a log that grows, such as that of `conntrack -E`')
    .option('--folder <dir>', 'a folder that whole files come into, such as those of `nfdump -o csv`')
    .requiredOption('--exporter <name>', 'name of who recorded it')
    .requiredOption('--position <file>', 'where to keep how far it got')
    .option('--once', 'end when all that is there was sent')
    .addHelpText('after', '\ndocs/seen-traffic.md says how to record flows.')
    .action((options: ShipFlowsOptions) => run(() => shipFlows(options)));
  const suspects = read(cordon.command('suspicions'))
    .description('devices that may not be what they say')
    .option('--mac <mac>', 'of this device')
    .addOption(new Option('--kind <kind>', suspicionKinds.join(', ')).choices([...suspicionKinds]))
    .addOption(
      new Option('--state <state>', 'open, over, dismissed or all')
        .choices(['open', 'over', 'dismissed', 'all'])
        .default('open'),
    )
    .option('--limit <count>', 'so many at most', '200')
    .addHelpText('after', suspicionsHelp)
    .action((options: SuspicionsOptions) => run(() => suspicions(options)));
  read(suspects.command('dismiss'))
    .argument('<id>', 'which one, as the list has it')
    .description('say that there is nothing to it; it releases no device. Needs role operator')
    .requiredOption('--reason <text>', 'why: the audit trail keeps it')
    .action((id: string, _: unknown, command: Command) =>
      run(() => dismissSuspicion(id, command.optsWithGlobals<DismissOptions>())),
    );
}
