import { median } from '../statistics.ts';
import type { BenchCase } from '../bench-case.ts';
import { generatePolicy } from './generated-policy.ts';
import { compiled, loaded } from './loaded.ts';
import { parametersOf, type Shape } from './parameters.ts';

/** For each 4,000 rules. */
const targetMilliseconds = 300;

/** Load and compile apart, in a process that has compiled before: what the controller has, which runs for months. */
export function warmCase(shape: Shape, rules: number): BenchCase {
  return {
    name: `load and compile, warm: ${shape}, ${rules} rules`,
    target: { figure: 'compile ms', limit: Math.round((targetMilliseconds * rules) / 4000), want: 'at most' },
    run: ({ rounds, progress }) => {
      const files = generatePolicy(parametersOf(shape, rules));
      const measure = (): { load: number; compile: number; cpu: number } => {
        const before = process.cpuUsage();
        const begun = performance.now();
        const policy = loaded(files);
        const between = performance.now();
        compiled(policy);
        const compile = performance.now() - between;
        const { user, system } = process.cpuUsage(before);
        return { load: between - begun, compile, cpu: (user + system) / 1000 };
      };
      progress('warm-up');
      measure();
      const samples = Array.from({ length: rounds }, (_, i) => {
        progress(`round ${i + 1} of ${rounds}`);
        return measure();
      });
      const figures = {
        'load ms': Math.round(median(samples.map(({ load }) => load))),
        'compile ms': Math.round(median(samples.map(({ compile }) => compile))),
        'both ms': Math.round(median(samples.map(({ load, compile }) => load + compile))),
        'CPU ms': Math.round(median(samples.map(({ cpu }) => cpu))),
      };
      return { rows: { Cordon: figures }, figures, notes: [] };
    },
  };
}
