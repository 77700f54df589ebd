import { exportCasbin } from '#policy';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countOf, print, printJson } from '../output.js';
import { readPolicyAt, UsageError } from '../policy-files.js';
import { readInstant, snapshotOf } from './policy.js';

export interface CasbinExportOptions {
  readonly policy: string;
  readonly at?: string;
  readonly json?: boolean;
}

/** Writes the policy of one instant as the two files that any Casbin loads. */
export function casbinExport(folder: string, options: CasbinExportOptions): number {
  if (['rules', 'catalog'].some((name) => existsSync(join(folder, name)))) {
    throw new UsageError(`\`${folder}\` is a policy folder: its model.conf would be lost; name another one`);
  }
  const snapshot = snapshotOf(readPolicyAt(options.policy), readInstant(options.at));
  const { model, policy, leftOut } = exportCasbin(snapshot);
  mkdirSync(folder, { recursive: true });
  const files = { model: join(folder, 'model.conf'), policy: join(folder, 'policy.csv') };
  writeFileSync(files.model, model);
  writeFileSync(files.policy, policy);
  const lines = policy.split('\n').length - 1;
  const { compiledFor: at, nextChangeAt, digest } = snapshot;
  if (options.json) printJson({ ...files, lines, at, nextChangeAt, digest, leftOut });
  else {
    print(files.model);
    print(`${files.policy}: ${countOf(lines, 'line')}, the policy as of ${at}`);
    print(nextChangeAt === null ? 'time changes nothing in it' : `it is out of date from ${nextChangeAt}`);
    if (leftOut.length > 0) print(`left out, since not in force then: ${countOf(leftOut.length, 'rule')}`);
    for (const { file, line, text } of leftOut) print(`  ${file}:${line}  ${text}`);
  }
  return 0;
}
