import type { BenchCase } from '../bench-case.ts';
import { aclEntriesCase } from './case-acl-entries.ts';
import { compilerCase } from './case-compiler.ts';
import { analysisCase, decideByTables, decisionCase, editCase, incrementally } from './case-measured.ts';
import { planCase } from './case-plan.ts';
import { packetSetCase } from './case-packet-sets.ts';
import { warmCase } from './case-warm.ts';
import type { Shape } from './parameters.ts';

/** Cases that are of no policy. */
export const generalCases: readonly BenchCase[] = [20, 60, 200, 1000, 4000].map(packetSetCase);

/** Every case for a policy of this shape and size. */
export function casesOf(shape: Shape, rules: number): readonly BenchCase[] {
  return [
    compilerCase(shape, rules),
    warmCase(shape, rules),
    aclEntriesCase(shape, rules),
    analysisCase(shape, rules),
    editCase(shape, rules, incrementally),
    decisionCase(shape, rules, decideByTables),
    planCase(shape, rules),
  ];
}
