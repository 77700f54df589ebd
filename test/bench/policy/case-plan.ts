import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../statistics.ts';
import type { BenchCase } from '../bench-case.ts';
import { editedVersions } from './case-measured.ts';
import { generatePolicy } from './generated-policy.ts';
import { devicesOf, flowsOf } from './inventory.ts';
import { flowLines, inventoryLines, writeLines } from './inventory-lines.ts';
import { compiled, loaded } from './loaded.ts';
import { parametersOf, type Shape } from './parameters.ts';
import { runPlan, writeFolder, type Usage } from './tools.ts';

const deviceCount = 100_000;
const flowCount = 1_000_000;

/** `cordon plan` as a whole process: ten edited rules, an inventory, and the flows that were seen. */
export function planCase(shape: Shape, rules: number): BenchCase {
  return {
    name: `plan: ${shape}, ${rules} rules, ${deviceCount} devices, ${flowCount} flows`,
    target: { figure: 'wall ms', limit: 10_000, want: 'at most' },
    run: async ({ rounds, progress }) => {
      const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
      try {
        progress('writing the policies, the inventory and the flows');
        const files = generatePolicy(parametersOf(shape, rules));
        writeFolder(join(folder, 'from'), files);
        writeFolder(join(folder, 'to'), editedVersions(files, 10, 1).at(-1)!);
        const snapshot = compiled(loaded(files));
        const devices = [...devicesOf(snapshot, deviceCount, 1)];
        await writeLines(join(folder, 'inventory.csv'), inventoryLines(devices));
        await writeLines(join(folder, 'flows.csv'), flowLines(flowsOf(snapshot, devices, flowCount, 1)));
        const samples = Array.from({ length: rounds }, (_, i) => {
          progress(`round ${i + 1} of ${rounds}`);
          return runPlan(folder);
        });
        const of = (measure: (usage: Usage) => number): number => Math.round(median(samples.map(measure)));
        const figures = {
          'wall ms': of(({ wallMilliseconds }) => wallMilliseconds),
          'CPU ms': of(({ cpuMilliseconds }) => cpuMilliseconds),
          'peak MB': of(({ peakMegabytes }) => peakMegabytes),
        };
        const size = statSync(join(folder, 'plan.json')).size;
        return { rows: { Cordon: { ...figures, 'bytes of plan': size } }, figures, notes: [] };
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
