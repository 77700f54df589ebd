/* How long analysis of a policy takes: `node test/bench/analyse.ts [rules …]`, after `nest build`. Prints a line for each. */
import { formatDiagnostic } from '#base';
import { analysePolicy, loadPolicy } from '#policy';
import { generatedPolicy } from './generated-policy.ts';
import { overlappingPolicy } from './overlapping-policy.ts';
import { median } from './statistics.ts';

const at = new Date('2026-11-01T12:00:00Z');
const runs = 5;

function measure(name: string, files: ReadonlyMap<string, string>): void {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(loaded.diagnostics.slice(0, 5).map(formatDiagnostic).join('\n'));
  const wall: number[] = [];
  const processor: number[] = [];
  let found = analysePolicy(loaded.value, at);
  for (let run = 0; run < runs; run++) {
    const begun = performance.now();
    const before = process.cpuUsage();
    found = analysePolicy(loaded.value, at);
    const { user, system } = process.cpuUsage(before);
    wall.push(performance.now() - begun);
    processor.push((user + system) / 1000);
  }
  const counts = Map.groupBy(found, ({ code }) => code);
  const findings = [...counts].map(([code, list]) => `${list.length} ${code}`).join(', ');
  const rules = loaded.value.flowRules.length;
  process.stdout.write(
    `${name}: ${rules} rules, median of ${runs}: ${median(wall).toFixed(0)} ms, ${median(processor).toFixed(0)} ms of processor; ${findings}\n`,
  );
}

measure('generated', generatedPolicy());
const sizes = process.argv.slice(2).map(Number);
for (const size of sizes.length > 0 ? sizes : [4000, 40_000]) measure('overlapping', overlappingPolicy(size));
