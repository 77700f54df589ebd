import type { BenchCase } from './bench-case.ts';
import { aclEntriesCase } from './case-acl-entries.ts';
import { compilerCase } from './case-compiler.ts';
import { decideByScan, decisionCase, editCase, recompile } from './case-measured.ts';
import { warmCase } from './case-warm.ts';
import type { Shape } from './parameters.ts';

/** Every case for a policy of this shape and size. */
export function casesOf(shape: Shape, rules: number): readonly BenchCase[] {
  return [
    compilerCase(shape, rules),
    warmCase(shape, rules),
    aclEntriesCase(shape, rules),
    editCase(shape, rules, recompile),
    decisionCase(shape, rules, decideByScan),
  ];
}
