import type { Command } from 'commander';
import {
  closeBreakGlass,
  listBreakGlass,
  openBreakGlass,
  type BreakGlassOptions,
  type OpenOptions,
} from './commands/break-glass.js';
import {
  candidateExitCodes,
  candidateReport,
  startCandidate,
  stopCandidate,
  type CandidateReportOptions,
  type CandidateStartOptions,
  type CandidateStopOptions,
} from './commands/candidate.js';
import { markInUse, type InUseOptions } from './commands/in-use.js';
import {
  operateRollout,
  releaseRollout,
  rolloutStatus,
  type RolloutOperation,
  type RolloutReasonOptions,
  type RolloutReleaseOptions,
  type RolloutStatusOptions,
} from './commands/rollout.js';
import { status, type StatusOptions } from './commands/status.js';
import { asked } from './controller-client.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const because = (command: Command): Command =>
  asked(command).requiredOption('--reason <text>', 'why: the audit trail keeps it');

const operations: Readonly<Record<RolloutOperation, string>> = {
  pause: 'begin no further stage; what is covered stays so',
  resume: 'go on, also after a gate stopped it: what it saw does not stop it again',
  advance: 'begin the next stage now, without watching this one any longer',
  abort: 'end it: what was covered goes back to the policy before',
  'roll-back':
    'as `cordon rollback previous --now`: the policy before is in force again, also after the rollout was over',
};

/** How changes reach devices, and what people order beside the policy. */
export function addChangeCommands(cordon: Command, run: Run): void {
  asked(cordon.command('status'))
    .description('intended against enforced; exit 0 the network does what policy says, 2 not everywhere')
    .option('--by <what>', 'count sessions by site, class or nas', 'site')
    .action((options: StatusOptions) => run(() => status(options)));

  const rollout = cordon.command('rollout').description('how far a change of policy has got; stop it, or take it back');
  asked(rollout.command('status', { isDefault: true }))
    .description('the rollout under way, and those before; exit 0 none, 2 one is under way, 3 one is halted by a gate')
    .option('--watch', 'follow it until it is over; exit 0 done, 1 withdrawn')
    .option('--limit <count>', 'how many', '10')
    .action((options: RolloutStatusOptions) => run(() => rolloutStatus(options)));
  for (const [operation, about] of Object.entries(operations) as [RolloutOperation, string][])
    because(rollout.command(operation))
      .description(about)
      .action((options: RolloutReasonOptions) => run(() => operateRollout(operation, options)));
  because(rollout.command('release'))
    .description('sessions need not wait for the time of their class')
    .option('--mac <mac>', 'of this device')
    .option('--class <class>', 'of this class')
    .option('--all', 'of every class')
    .action((options: RolloutReleaseOptions) => run(() => releaseRollout(options)));

  const candidate = cordon
    .command('candidate')
    .description('a policy in audit: compiled and watched beside the one in force, never enforced');
  asked(candidate.command('report', { isDefault: true }))
    .description('what it would break of what was seen to pass, and allow of what was denied')
    .option('--since <time>', 'how far back: 24h, 7d, or a time', '7d')
    .option('--class <class>', 'what devices of this class opened')
    .addHelpText('after', candidateExitCodes)
    .action((options: CandidateReportOptions) => run(() => candidateReport(options)));
  asked(candidate.command('start'))
    .argument('<branch>', 'branch of the policy repository')
    .description(
      'put a branch in audit, in place of another one; it ends by itself when the branch is merged or deleted',
    )
    .option('--until <time>', 'end it then: 14d, 2026-12-24, or a time')
    .option('--reason <text>', 'why: the audit trail keeps it')
    .action((branch: string, options: CandidateStartOptions) => run(() => startCandidate(branch, options)));
  asked(candidate.command('stop'))
    .description('end the audit of the branch')
    .option('--reason <text>', 'why: the audit trail keeps it')
    .action((options: CandidateStopOptions) => run(() => stopCandidate(options)));

  const glass = cordon
    .command('break-glass')
    .description('open a device or class for a limited time, to the class that the policy names for this');
  because(glass.command('open'))
    .description('it counts as another class, at once, until the time is over')
    .option('--mac <mac>', 'this device')
    .option('--class <class>', 'all devices of this class')
    .requiredOption('--hours <hours>', 'for how long')
    .requiredOption('--by <name>', 'the person who orders it')
    .action((options: OpenOptions) => run(() => openBreakGlass(options)));
  asked(glass.command('list'))
    .description('what was opened, by whom and why; exit 0 nothing is open, 2 something is')
    .action((options: BreakGlassOptions) => run(() => listBreakGlass(options)));
  asked(glass.command('close'))
    .argument('<id>', 'as `cordon break-glass list` shows it')
    .description('end it before its time')
    .action((id: string, options: BreakGlassOptions) => run(() => closeBreakGlass(id, options)));

  asked(cordon.command('in-use'))
    .argument('<mac...>', 'MAC addresses of devices')
    .description('these devices are in clinical use: what would disrupt them waits')
    .option('--release', 'they are not any more')
    .action((macs: string[], options: InUseOptions) => run(() => markInUse(macs, options)));
}
