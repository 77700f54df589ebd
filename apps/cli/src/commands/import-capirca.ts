import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '#base';
import { checkPoint } from '#drivers';
import {
  capircaExists,
  importCapirca,
  instantsOf,
  proveCapirca,
  type CapircaImport,
  type CapircaImportInput,
  type CapircaRule,
  type Including,
  type LeftOutTerm,
  type Term,
} from '#learn';
import type { Family } from '#net';
import { PolicyChecker } from '#policy';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, yellow } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { printNewFile, readPairs, readText, writeNewFiles } from './import-files.js';
import { mustBeKnown, orThrow, PolicyRefused, readInstant, snapshotOf } from './policy.js';

export interface ImportCapircaOptions {
  readonly pol: readonly string[];
  readonly def: string;
  readonly policy: string;
  readonly name?: string;
  readonly filter: readonly string[];
  readonly platform?: string;
  readonly ip?: string;
  readonly class: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly skip: readonly string[];
  readonly includes?: string;
  readonly out?: string;
  readonly at?: string;
  readonly json?: boolean;
}

interface Done {
  readonly made: CapircaImport;
  /** About the files, and what `cordon check` says about the new ones. */
  readonly findings: readonly Diagnostic[];
  readonly written: boolean;
}

const ipVersions: Readonly<Record<string, readonly Family[]>> = { 4: [4], 6: [6], both: [4, 6] };

/** Exit codes: 0 all of the terms is carried, 2 some are left out, 1 refused. */
export function importCapircaFiles(options: ImportCapircaOptions): number {
  const at = readInstant(options.at);
  const policy = readPolicyFolder(options.policy);
  const imported = importCapirca(readInput(options, policy, at));
  const made = orThrow(imported, options.pol.join(', '), 'the import');
  const taken = [...made.files.keys()].filter(
    (path) => policy.has(path) || (options.out !== undefined && existsSync(join(options.out, path))),
  );
  if (taken.length > 0) orThrow(capircaExists(taken, made.name), null, 'the import');
  const findings = [...imported.diagnostics, ...checkTogether(policy, made, at)];
  if (options.out !== undefined) writeNewFiles(options.out, made.files);
  const done: Done = { made, findings, written: options.out !== undefined };
  if (options.json) printJson(jsonOf(done));
  else printImport(done, options);
  return made.leftOut.length > 0 ? 2 : 0;
}

function readInput(options: ImportCapircaOptions, policy: ReadonlyMap<string, string>, at: Date): CapircaImportInput {
  const { pol, def, name, filter, platform, ip, skip, includes } = options;
  if (ip !== undefined) mustBeKnown('ip', ip, Object.keys(ipVersions));
  return {
    policies: new Map(pol.map((file) => [file, readText(file)])),
    including: includingFrom(pol, includes),
    definitions: readDefinitions(def),
    snapshot: snapshotOf(policy, at, options.policy),
    name: name ?? null,
    filters: filter,
    platform: platform ?? null,
    families: ip === undefined ? null : ipVersions[ip]!,
    classes: readPairs('class', options.class),
    before: options.from ?? null,
    behind: options.to ?? null,
    skip,
    at,
  };
}

function readDefinitions(folder: string): ReadonlyMap<string, string> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`--def: \`${folder}\` is no folder; name the one that holds .net and .svc files`);
  const names = readdirSync(folder).filter((name) => /\.(net|svc)$/.test(name));
  if (names.length === 0) throw new UsageError(`--def: \`${folder}\` holds no .net and no .svc files`);
  return new Map(names.sort().map((name) => [join(folder, name), readText(join(folder, name))]));
}

/** As `aclgen` has it by habit: policies are in `policies/pol`, and includes are named from `policies`. */
function includingFrom(pol: readonly string[], named: string | undefined): Including {
  const folders = named === undefined ? pol.flatMap((file) => [dirname(file), dirname(dirname(file))]) : [named];
  return (path) => {
    const file = folders.map((folder) => join(folder, path)).find((one) => existsSync(one));
    return file === undefined ? null : { file, text: readText(file) };
  };
}

/** The policy with the new files must load, and allow what the terms do, at each instant at which it changes. */
function checkTogether(policy: ReadonlyMap<string, string>, made: CapircaImport, now: Date): readonly Diagnostic[] {
  const checker = new PolicyChecker(checkPoint);
  const together = new Map([...policy, ...made.files]);
  const what = 'the policy with the import';
  const checked = orThrow(checker.check(together, now), null, what);
  const errors = checked.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new PolicyRefused(errors, null, what);
  for (const at of instantsOf(made, now)) {
    const { snapshot } = orThrow(checker.check(together, at), null, what);
    const { tooMuch, unreported } = proveCapirca(made, snapshot, at);
    if (tooMuch ?? unreported) {
      const packet = JSON.stringify(tooMuch ?? unreported, (_, value: unknown) =>
        typeof value === 'bigint' ? `${value}` : value,
      );
      throw new Error(
        `import of ${made.name} ${tooMuch ? 'allows more than' : 'misses'} what the terms say at ${at.toISOString()}: this is a bug (${packet})`,
      );
    }
  }
  return checked.diagnostics.filter(({ span }) => span && made.files.has(span.file));
}

const placeOf = ({ filter, name, span }: Term): Record<string, unknown> => ({
  filter,
  term: name,
  file: span.file,
  line: span.line,
});

const ruleJson = ({ terms, ...rule }: CapircaRule): Record<string, unknown> => ({ ...rule, terms: terms.map(placeOf) });

const leftOutJson = ({ term, part, why }: LeftOutTerm): Record<string, unknown> => ({
  ...placeOf(term),
  part,
  ...diagnosticJson(why),
});

function jsonOf({ made, findings, written }: Done): Record<string, unknown> {
  const { name, files, rules, known, filters, leftOut, answers } = made;
  return {
    ok: true,
    name,
    written,
    filters: filters.map((one) => ({
      name: one.name,
      file: one.span.file,
      line: one.span.line,
      terms: one.terms.length,
    })),
    files: [...files].map(([path, text]) => ({ path, text })),
    rules: rules.map(ruleJson),
    known: known.map(ruleJson),
    leftOut: leftOut.map(leftOutJson),
    answers: answers.map(placeOf),
    findings: findings.map(diagnosticJson),
  };
}

function printImport({ made, findings, written }: Done, options: ImportCapircaOptions): void {
  const { files, rules, known, filters, leftOut, answers } = made;
  for (const [path, text] of files) {
    if (written) print(`written: ${join(options.out!, path)}`);
    else printNewFile(path, text);
  }
  if (findings.length > 0) {
    print(`\n${bold('to know')}`);
    printDiagnostics(findings);
  }
  if (leftOut.length > 0) {
    print(`\n${bold('left out')}`);
    for (const { term, part, why } of leftOut) {
      const what = `\`${term.filter}\` \`${term.name}\`${part === 'some' ? ', a part of it' : ''}`;
      printDiagnostics([{ ...why, summary: `${what}: ${why.summary}` }]);
    }
  }
  const terms = filters.reduce((sum, one) => sum + one.terms.length, 0);
  print(
    `\n${countOf(terms, 'term')} of ${filters.map((one) => one.name).join(', ')}: ${countOf(rules.length, 'rule')}`,
  );
  if (known.length > 0) print(`${countOf(known.length, 'rule')} more the policy has already`);
  if (answers.length > 0) print(`${answers.length} of the terms let answers pass: policy does that by itself`);
  const count = new Set(leftOut.map(({ term }) => term)).size;
  print(
    count > 0 ? yellow(`${count} of the terms are left out, all or in part: see above`) : green('nothing is left out'),
  );
  print('proved: the rules allow no packet that the terms do not, and miss none but for what is said here');
  if (!written) print('nothing is written; --out DIR writes the files into a policy folder');
}
