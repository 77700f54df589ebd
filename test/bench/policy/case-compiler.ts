import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile } from '../statistics.ts';
import { capircaSources } from './capirca.ts';
import type { BenchCase, Outcome, RunOptions } from '../bench-case.ts';
import { generatePolicy } from './generated-policy.ts';
import { loaded, portAclClasses } from './loaded.ts';
import { parametersOf, type Shape } from './parameters.ts';
import {
  capircaOutput,
  hasCapirca,
  noCapirca,
  runCapirca,
  runCordon,
  writeCapirca,
  writeFolder,
  type Usage,
} from './tools.ts';

/** Both compilers as whole processes, in turn: what somebody waits for who changed a line. */
export function compilerCase(shape: Shape, rules: number): BenchCase {
  return {
    name: `compile, whole process: ${shape}, ${rules} rules`,
    target: { figure: 'wall Cordon : Capirca', limit: 1, want: 'at most' },
    run: (options) => {
      const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
      try {
        return compare(folder, shape, rules, options);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

interface Tool {
  readonly name: 'Cordon' | 'Capirca';
  readonly run: () => Usage;
  readonly output: () => string;
}

function compare(folder: string, shape: Shape, rules: number, { rounds, progress }: RunOptions): Outcome {
  const files = generatePolicy(parametersOf(shape, rules));
  const inside = (name: string): string => join(folder, name);
  writeFolder(inside('cordon'), files);
  const tools: Tool[] = [
    {
      name: 'Cordon',
      run: () => runCordon(inside('cordon'), inside('snapshot.json')),
      output: () => `${statSync(inside('snapshot.json')).size} bytes of snapshot`,
    },
  ];
  if (hasCapirca()) {
    const policy = loaded(files);
    writeCapirca(inside('capirca'), capircaSources(policy, portAclClasses(policy)));
    tools.push({
      name: 'Capirca',
      run: () => runCapirca(inside('capirca')),
      output: () => `${countAces(capircaOutput(inside('capirca')))} ACL lines`,
    });
  }
  const samples = new Map(tools.map(({ name }) => [name, [] as Usage[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const { name, run } of tools) {
      progress(`round ${round} of ${rounds}: ${name}`);
      samples.get(name)!.push(run());
    }
  }
  const rows = Object.fromEntries(
    tools.map(({ name, output }) => [name, { ...row(samples.get(name)!), output: output() }]),
  );
  const [cordon, capirca] = [samples.get('Cordon')!, samples.get('Capirca')];
  return { rows, figures: figuresOf(cordon, capirca), notes: capirca ? [] : [`${noCapirca}: nothing to compare with`] };
}

const countAces = (text: string): number => text.match(/^ (?:permit|deny) /gm)?.length ?? 0;

const measures = {
  wall: ({ wallMilliseconds }: Usage) => wallMilliseconds,
  CPU: ({ cpuMilliseconds }: Usage) => cpuMilliseconds,
  'peak memory': ({ peakMegabytes }: Usage) => peakMegabytes,
} as const;
type Measure = keyof typeof measures;
const names = Object.keys(measures) as Measure[];

function spread(samples: readonly Usage[], measure: Measure): { low: number; middle: number; high: number } {
  const values = samples.map(measures[measure]);
  return { low: quantile(values, 0), middle: quantile(values, 0.5), high: quantile(values, 1) };
}

function row(samples: readonly Usage[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const [low, middle, high] = Object.values(spread(samples, name)).map(Math.round);
      return [`${name} ${name === 'peak memory' ? 'MB' : 'ms'}`, `${middle} (${low}-${high})`];
    }),
  );
}

function figuresOf(cordon: readonly Usage[], capirca: readonly Usage[] | undefined): Record<string, number> {
  const own = names.map((name) => [`Cordon ${name}`, spread(cordon, name).middle]);
  if (!capirca) return Object.fromEntries(own);
  const peer = names.map((name) => [`Capirca ${name}`, spread(capirca, name).middle]);
  const ratios = names.map((name) => [
    `${name} Cordon : Capirca`,
    spread(cordon, name).middle / spread(capirca, name).middle,
  ]);
  return Object.fromEntries([...own, ...peer, ...ratios]);
}
