/* Measures load and compile of one policy in a process of its own, so that its peak memory is its own; prints JSON. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { formatDiagnostic, type Result } from '#base';
import { compilePolicy, loadPolicy } from '#policy';
import type { CompileFigures } from './compile.ts';
import { generatedPolicy } from './generated-policy.ts';
import { median } from './statistics.ts';

const runs = 5;
const at = new Date('2026-11-01T12:00:00Z');

function readFolder(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(paths.map((path) => [relative(folder, path), readFileSync(path, 'utf8')]));
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.slice(0, 5).map(formatDiagnostic).join('\n'));
}

function measure(files: ReadonlyMap<string, string>) {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const policy = unwrap(loadPolicy(files));
  const loaded = performance.now();
  const snapshot = unwrap(compilePolicy(policy, at));
  const done = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  return {
    load: loaded - begun,
    compile: done - loaded,
    wall: done - begun,
    cpu: (user + system) / 1000,
    rules: snapshot.flowRules.length,
  };
}

const [name = '', folder] = process.argv.slice(2);
const files = folder === undefined ? generatedPolicy() : readFolder(folder);
const cold = measure(files);
const samples = Array.from({ length: runs }, () => measure(files));
const figures: CompileFigures = {
  policy: name,
  rules: cold.rules,
  coldMilliseconds: cold.wall,
  loadMilliseconds: median(samples.map(({ load }) => load)),
  compileMilliseconds: median(samples.map(({ compile }) => compile)),
  wallMilliseconds: median(samples.map(({ wall }) => wall)),
  cpuMilliseconds: median(samples.map(({ cpu }) => cpu)),
  peakMegabytes: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(figures));
