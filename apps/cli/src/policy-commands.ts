import type { Command } from 'commander';
import { policyHistory, policyPlan, type PolicyHistoryOptions } from './commands/policy-history.js';
import { policyState } from './commands/policy-state.js';
import { rollBack, syncPolicy, type RollBackOptions, type SyncOptions } from './commands/roll-back.js';
import { asked, type ControllerArguments } from './controller-client.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;
type Plain = ControllerArguments & { readonly json?: boolean };

const rollBackHelp = `
REV is a commit or the digest of a policy that was in force before, by its first 7 digits or more, or \`previous\`. It is judged as of now, and
goes by the stages of the policy in force; --now puts it everywhere at once. Afterwards the branch is not followed until another commit
comes: revert it there. \`cordon policy sync --take\` takes what it says all the same. \`cordon policy history\` has what there was.`;

/** `cordon rollback` is what most people try first. */
function addRollBack(command: Command, run: Run): void {
  asked(command, ' of an operator')
    .argument('<rev>', 'commit or digest, 7 digits or more; or `previous`')
    .description('bring a policy that was in force before back into force')
    .requiredOption('--reason <text>', 'why: the audit trail keeps it')
    .option('--now', 'everywhere at once, whatever stages there are')
    .addHelpText('after', rollBackHelp)
    .action((revision: string, options: RollBackOptions) => run(() => rollBack(revision, options)));
}

/** Which policy is in force, since when and why; and which was. */
export function addPolicyCommands(cordon: Command, run: Run): void {
  const policy = cordon.command('policy').description('which policy is in force, which was, and going back to one');
  asked(policy.command('status', { isDefault: true }), '; role viewer is enough')
    .description(
      'what git says, what runs, and what was applied, side by side; exit 0 they agree or will, 2 look at it',
    )
    .action((options: Plain) => run(() => policyState(options)));
  asked(policy.command('history'), '; role viewer is enough')
    .description('which policy was in force when: who approved it, what it changed, who did it; exit 2 none ever was')
    .option('--limit <count>', 'so many at most', '20')
    .action((options: PolicyHistoryOptions) => run(() => policyHistory(options)));
  asked(policy.command('plan'), '; role viewer is enough')
    .argument('<id>', 'as `cordon policy history` shows it')
    .description('all that an entry of the history changed; exit 0 nothing, 2 something')
    .action((id: string, options: Plain) => run(() => policyPlan(id, options)));
  asked(policy.command('sync'), ' of an operator')
    .description(
      'look at the repository now; exit 0 what it says is in force or on its way, 2 it is not taken, 1 refused',
    )
    .option('--take', 'take it though it was rolled back from')
    .action((options: SyncOptions) => run(() => syncPolicy(options)));
  addRollBack(policy.command('roll-back'), run);
  addRollBack(cordon.command('rollback'), run);
}
