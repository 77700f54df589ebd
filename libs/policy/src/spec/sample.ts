import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compilePolicy } from '../compile/compile.js';
import { loadPolicy } from '../load/load.js';
import type { Policy } from '../policy.js';
import type { Snapshot } from '../snapshot.js';

/** A Monday noon at every site of the sample hospital. */
export const sampleInstant = new Date('2026-11-23T11:00:00Z');

export function sampleFiles(): Map<string, string> {
  const root = join(import.meta.dirname, '../../../../policies');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [relative(root, path), readFileSync(path, 'utf8')];
    }),
  );
}

export function samplePolicy(): Policy {
  const loaded = loadPolicy(sampleFiles());
  if (!loaded.ok) throw new Error(`the sample hospital is refused: ${JSON.stringify(loaded.diagnostics[0])}`);
  return loaded.value;
}

export function sampleSnapshot(policy: Policy): Snapshot {
  const compiled = compilePolicy(policy, sampleInstant);
  if (!compiled.ok) throw new Error(`the sample hospital doesn't compile: ${JSON.stringify(compiled.diagnostics[0])}`);
  return compiled.value;
}
