import type { Diagnostic } from '#base';
import { Report } from '../codes.js';
import { sortFiles } from '../load/sort-files.js';
import { formatRuleFile } from './rule-file.js';
import { formatYamlFile } from './yaml-text.js';

/** What formatting makes of the files of a policy. */
export interface FormattedPolicy {
  /** Those that change: path → text. */
  readonly changed: ReadonlyMap<string, string>;
  /** How many files have a form at all. */
  readonly looked: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Every file that a loader reads; those with an error stay as they are. `files`: as `loadPolicy` takes them. */
export function formatPolicy(files: ReadonlyMap<string, string>): FormattedPolicy {
  const report = new Report();
  const { rules, audit, ...yamlKinds } = sortFiles(files, report);
  const yaml = Object.values(yamlKinds).flatMap((kind) => [...kind.keys()]);
  const formatted = [
    ...[...rules.keys(), ...audit.keys()].map(
      (file) => [file, formatRuleFile(file, files.get(file)!, report)] as const,
    ),
    ...yaml.map((file) => [file, formatYamlFile(file, files.get(file)!, report)] as const),
  ];
  const changed = formatted.filter(([file, text]) => text !== files.get(file)).sort(([a], [b]) => (a < b ? -1 : 1));
  return { changed: new Map(changed), looked: formatted.length, diagnostics: report.diagnostics };
}
