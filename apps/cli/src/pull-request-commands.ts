import type { Command } from 'commander';
import { exportInventory, inventoryNotes, type InventoryExportOptions } from './commands/inventory.js';
import { asked } from './controller-client.js';

type Run = (command: () => number | Promise<number>) => Promise<void>;

/** What judges a change of policy before it is merged, away from the hospital. */
export function addPullRequestCommands(cordon: Command, run: Run): void {
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
