import { Resolver } from 'node:dns/promises';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '#base';
import { checkPoint } from '#drivers';
import {
  dnsNamesIn,
  importMud,
  mudExists,
  parseMud,
  proveMud,
  type LeftOut,
  type MudEntry,
  type MudImport,
  type MudImportInput,
} from '#learn';
import { addressSet, noAddresses, parseRange, unionAddresses, type AddressSet } from '#net';
import { buildSnapshot, type Criticality, type Snapshot } from '#policy';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, yellow } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { mustBeKnown, orThrow, readInstant, snapshotOf } from './policy.js';

export interface ImportMudOptions {
  readonly policy: string;
  readonly class?: string;
  readonly criticality: string;
  readonly parent: readonly string[];
  readonly local?: string;
  readonly myController?: string;
  readonly controller: readonly string[];
  readonly sameManufacturer?: string;
  readonly manufacturer: readonly string[];
  readonly model: readonly string[];
  readonly resolve: readonly string[];
  readonly resolveNow?: boolean;
  readonly oneWay?: boolean;
  readonly out?: string;
  readonly at?: string;
  readonly json?: boolean;
}

/** What an import came to, with the policy that it is part of. */
interface Done {
  readonly made: MudImport;
  /** About the file, and what `cordon check` says about the new files. */
  readonly findings: readonly Diagnostic[];
  readonly written: boolean;
}

/** Exit codes: 0 all of the file is carried, 2 some entries are left out, 1 refused. */
export async function importMudFile(file: string, options: ImportMudOptions): Promise<number> {
  const at = readInstant(options.at);
  const policy = readPolicyFolder(options.policy);
  const snapshot = snapshotOf(policy, at, options.policy);
  const input = await readInput(file, options, snapshot);
  const imported = importMud(input);
  const made = orThrow(imported, file);
  const taken = [...made.files.keys()].filter(
    (path) => policy.has(path) || (options.out !== undefined && existsSync(join(options.out, path))),
  );
  if (taken.length > 0) orThrow(mudExists(taken, made.class), file);
  const findings = [...imported.diagnostics, ...checkTogether(policy, made, at, input.oneWay)];
  if (options.out !== undefined) writeFiles(options.out, made.files);
  const done: Done = { made, findings, written: options.out !== undefined };
  if (options.json) printJson(jsonOf(done));
  else printImport(done, options);
  return made.leftOut.length > 0 ? 2 : 0;
}

async function readInput(file: string, options: ImportMudOptions, snapshot: Snapshot): Promise<MudImportInput> {
  mustBeKnown('criticality', options.criticality, ['life-critical', 'high', 'standard']);
  const text = readText(file);
  const given = readResolved(options.resolve);
  const asked = options.resolveNow ? new Date() : null;
  return {
    text,
    file,
    snapshot,
    class: options.class ?? null,
    criticality: options.criticality as Criticality,
    parents: options.parent,
    names: {
      localNetworks: options.local ?? null,
      myController: options.myController ?? null,
      sameManufacturer: options.sameManufacturer ?? null,
      controllers: readPairs('controller', options.controller),
      manufacturers: readPairs('manufacturer', options.manufacturer),
      models: readPairs('model', options.model),
    },
    resolved: asked ? await askDns(text, file, given) : given,
    asked,
    oneWay: options.oneWay ?? false,
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new UsageError(`\`${file}\` can't be read (${why})`);
  }
}

/** `KEY=NAME`, cut at the last `=`: names have none, URIs may. */
function readPairs(option: string, texts: readonly string[]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.lastIndexOf('=');
    const [key, name] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || name === '') throw new UsageError(`--${option}: write \`${text}\` as KEY=NAME`);
    if (pairs.has(key)) throw new UsageError(`--${option}: \`${key}\` is named twice`);
    pairs.set(key, name);
  }
  return pairs;
}

function readResolved(texts: readonly string[]): Map<string, AddressSet> {
  const resolved = new Map<string, AddressSet>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const range = at < 1 ? null : parseRange(text.slice(at + 1));
    if (!range)
      throw new UsageError(`--resolve: write \`${text}\` as NAME=ADDRESS, for example api.example.com=192.0.2.7`);
    const name = text.slice(0, at).toLowerCase().replace(/\.$/, '');
    resolved.set(name, unionAddresses(resolved.get(name) ?? noAddresses, addressSet([range])));
  }
  return resolved;
}

/** Asks DNS for the names that have no address yet. What it does not know stays unknown: such entries are left out. */
async function askDns(text: string, file: string, given: Map<string, AddressSet>): Promise<Map<string, AddressSet>> {
  const names = dnsNamesIn(orThrow(parseMud(text, file), file)).filter((name) => !given.has(name));
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  const found = new Map(given);
  for (const name of names) {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    found.set(name, addressSet(addresses.flatMap((one) => parseRange(one) ?? [])));
  }
  return found;
}

/** The policy with the new files must be good as `cordon check` wants it, and allow what the file does. */
function checkTogether(
  policy: ReadonlyMap<string, string>,
  made: MudImport,
  at: Date,
  oneWay: boolean,
): readonly Diagnostic[] {
  const built = buildSnapshot(new Map([...policy, ...made.files]), at, checkPoint);
  const snapshot = orThrow(built, 'the policy with the import');
  const { tooMuch, unreported } = proveMud(made, snapshot, oneWay);
  if (tooMuch ?? unreported) throw new Error(`import of ${made.file.url} is not what the file says: this is a bug`);
  const isPlaced = snapshot.accessTable.some(({ role }) => role === made.class);
  return built.diagnostics.filter(
    // Of a class that is placed nowhere yet, every rule matches nothing: that is said once, at the end.
    ({ span, code }) => span && made.files.has(span.file) && (isPlaced || code !== 'rule-never-matches'),
  );
}

function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  if (!existsSync(join(folder, 'rules')) && !existsSync(join(folder, 'catalog')))
    throw new UsageError(`\`${folder}\` is no policy folder: it has neither rules/ nor catalog/`);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { flag: 'wx' });
  }
}

const placeOf = ({ list, name, direction, span }: MudEntry): Record<string, unknown> => ({
  list,
  entry: name,
  direction,
  line: span.line,
});

const leftOutJson = ({ entry, part, why }: LeftOut): Record<string, unknown> => ({
  ...placeOf(entry),
  part,
  ...diagnosticJson(why),
});

function jsonOf({ made, findings, written }: Done): Record<string, unknown> {
  const { file, class: name, isKnownClass, files, rules, leftOut, answers } = made;
  return {
    ok: true,
    url: file.url,
    lastUpdate: file.lastUpdate,
    class: name,
    isKnownClass,
    written,
    files: [...files].map(([path, text]) => ({ path, text })),
    rules,
    leftOut: leftOut.map(leftOutJson),
    answers: answers.map(placeOf),
    findings: findings.map(diagnosticJson),
  };
}

function printImport({ made, findings, written }: Done, options: ImportMudOptions): void {
  const { file, class: name, isKnownClass, files, rules, leftOut, answers } = made;
  for (const [path, text] of files) {
    if (written) print(`written: ${join(options.out!, path)}`);
    else printNewFile(path, text);
  }
  const entries = Object.values(file.entries).flat().length;
  if (findings.length > 0) {
    print(`\n${bold('to know')}`);
    printDiagnostics(findings);
  }
  if (leftOut.length > 0) {
    print(`\n${bold('left out')}`);
    for (const { entry, part, why } of leftOut) {
      const what = `\`${entry.list}\` \`${entry.name}\`${part === 'some' ? ', a part of it' : ''}`;
      printDiagnostics([{ ...why, summary: `${what}: ${why.summary}` }]);
    }
  }
  print(`\n${file.url}, last update ${file.lastUpdate}: ${countOf(entries, 'entry').replace(/entrys$/, 'entries')}`);
  print(
    `${countOf(rules.length, 'rule')} for class ${bold(name)}${isKnownClass ? ', which the policy has already' : ''}`,
  );
  if (answers.length > 0) print(`${answers.length} of the entries let answers pass: policy does that by itself`);
  print(
    leftOut.length > 0
      ? yellow(`${leftOut.length} of the entries are left out, all or in part: see above`)
      : green('nothing is left out'),
  );
  print('proved: the rules allow no packet that the file does not, and miss none but for what is said here');
  if (!written) print('nothing is written; --out DIR writes the files into a policy folder');
  else if (!isKnownClass)
    print(`next: say where \`${name}\` is placed (access rules, p2), then \`cordon check ${options.out}\``);
}

/** As a unified diff shows a file that is new. */
function printNewFile(path: string, text: string): void {
  const lines = text.replace(/\n$/, '').split('\n');
  print(bold(`--- /dev/null\n+++ b/${path}`));
  print(`@@ -0,0 +1,${lines.length} @@`);
  for (const line of lines) print(green(`+${line}`));
}
