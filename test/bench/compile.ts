import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface CompileFigures {
  readonly policy: string;
  readonly rules: number;
  /** The first time in a process, as the CLI has it; the others are medians after that. */
  readonly coldMilliseconds: number;
  readonly loadMilliseconds: number;
  readonly compileMilliseconds: number;
  readonly wallMilliseconds: number;
  readonly cpuMilliseconds: number;
  readonly peakMegabytes: number;
}

/** For load and compile together, after the first time. */
export const compileTargetMilliseconds = 1000;

const root = join(import.meta.dirname, '../..');

export function benchCompile(): CompileFigures[] {
  return [['hospital', join(root, 'policies')], ['generated']].map((args) => {
    const child = spawnSync(process.execPath, [join(import.meta.dirname, 'compile-child.ts'), ...args], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    if (child.status !== 0) throw new Error(`policy \`${args[0]}\` was not compiled:\n${child.stderr}`);
    return JSON.parse(child.stdout) as CompileFigures;
  });
}
