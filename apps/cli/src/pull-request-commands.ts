import type { Command } from 'commander';
import { concernKinds } from '#plan';
import { ciComment, type CiCommentOptions } from './commands/ci-comment.js';
import { ci, type CiOptions } from './commands/ci.js';
import { exportInventory, inventoryNotes, type InventoryExportOptions } from './commands/inventory.js';
import { defaultApproval } from './ci/verdict.js';
import { asked } from './controller-client.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

const ciNotes = `
Base and head come from the environment of GitHub Actions, GitLab CI, Gitea and Forgejo Actions, else from --base and --head. Only
commits are read, never the folder that is checked out. Into --out go plan.md, plan.sarif, plan.junit.xml, plan.json and result.json.

What may need approval: ${concernKinds.join(', ')}
  (\`later\`: lines whose effect is not now; \`any\`: whatever changes). docs/pull-requests.md explains each.
It is given by --approved, or by a label of the pull request that names the change: it holds for these texts and no others.

Exit code: 0 nothing needs approval, or it was given, 1 the policy is refused or a test of it broken, 3 it needs approval.`;

const commentNotes = `
The token is in CORDON_FORGE_TOKEN, or in what the forge calls it: GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN, FORGEJO_TOKEN.
A change from another repository, whose pipeline gets no such token, is no failure: it says so.

Exit code: 0 done, or there is no token for a fork, 1 it could not be done.`;

/** What judges a change of policy before it is merged, away from the hospital. */
export function addPullRequestCommands(cordon: Command, run: Run): void {
  const pipeline = cordon.command('ci');
  pipeline
    .description('in a pipeline: check and plan of the change that it runs for, as files and as an exit code')
    .option('--policy <dir>', 'folder of the policy in the repository; . for its root', 'policies')
    .option('--base <rev>', 'what the change is compared with')
    .option('--head <rev>', 'the change')
    .option('--inventory <file>', 'devices to count, as `cordon inventory export` writes them')
    .option('--flows <file>', 'connections seen on the network')
    .option('--at <instant>', 'judge schedules and end dates at this time (default: now)')
    .option('--out <dir>', 'write the files there', 'cordon-plan')
    .option('--require-approval <kinds>', `comma-separated, see below, or none (default: ${defaultApproval.join(',')})`)
    .option('--approved', 'what needs approval has it: for a job that a person starts')
    .option('--max-bytes <bytes>', 'cut the details of plan.md to fit (default: 60000)')
    .option('--json', 'machine-readable output')
    .addHelpText('after', ciNotes)
    .action((options: CiOptions) => run(() => ci(options)));
  pipeline
    .command('comment')
    .description('put plan.md into one comment on the pull or merge request, and the verdict at its commit')
    .option('--out <dir>', 'what `cordon ci` wrote', 'cordon-plan')
    .option('--api <url>', 'API of the forge, where its environment does not say it as https')
    .option('--no-status', 'set no commit status')
    .option('--json', 'machine-readable output')
    .addHelpText('after', commentNotes)
    .action((_: unknown, command: Command) => run(() => ciComment(command.optsWithGlobals<CiCommentOptions>())));

  const inventory = cordon.command('inventory').description('registered devices, for plans that are made elsewhere');
  asked(inventory.command('export'), '; role planner is enough')
    .description('write an inventory for `cordon plan --inventory` that names no device')
    .requiredOption('--out <file>', 'write it there')
    .option('--key-file <file>', 'key of the hashes, 32 characters or more: the same ids each time')
    .option('--counts', 'only how many devices of each class, site, switch and posture there are')
    .option('--identifiers', 'keep MAC and IP addresses')
    .addHelpText('after', inventoryNotes)
    .action((options: InventoryExportOptions) => run(() => exportInventory(options)));
}
