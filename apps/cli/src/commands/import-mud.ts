import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic, Result } from '#base';
import { checkPoint } from '#drivers';
import {
  departuresFrom,
  dnsNamesIn,
  importMud,
  mudExists,
  parseMud,
  proveMud,
  type Departure,
  type Departures,
  type LeftOutEntry,
  type MudEntry,
  type MudImport,
  type MudImportInput,
} from '#learn';
import {
  addressSet,
  formatAddress,
  noAddresses,
  parseRange,
  unionAddresses,
  type AddressRange,
  type AddressSet,
} from '#net';
import { parseInventory } from '#plan';
import { buildSnapshot, type Criticality, type Snapshot } from '#policy';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
import { chunksOf, readPolicyFolder, UsageError } from '../policy-files.js';
import { printNewFile, readPairs, readText, writeNewFiles } from './import-files.js';
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
  readonly flows?: string;
  readonly inventory?: string;
  readonly device: readonly string[];
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
  /** Null: no observed flows were given. */
  readonly departures: Departures | null;
}

/** Exit codes: 0 all of the file is carried, 2 some entries are left out, 1 refused. */
export async function importMudFile(file: string, options: ImportMudOptions): Promise<number> {
  const at = readInstant(options.at);
  const policy = readPolicyFolder(options.policy);
  const snapshot = snapshotOf(policy, at, options.policy);
  const input = await readInput(file, options, snapshot);
  const imported = importMud(input);
  const made = orThrow(imported, file, 'the MUD file');
  const taken = [...made.files.keys()].filter(
    (path) => policy.has(path) || (options.out !== undefined && existsSync(join(options.out, path))),
  );
  if (taken.length > 0) orThrow(mudExists(taken, made.class), null, 'the import');
  const together = checkTogether(policy, made, at, input.oneWay);
  const observed = readDepartures(made, together.snapshot, options);
  const findings = [...imported.diagnostics, ...together.findings, ...(observed?.diagnostics ?? [])];
  if (options.out !== undefined) writeNewFiles(options.out, made.files);
  const departures = observed && orThrow(observed, options.flows, 'the file of flows');
  const done: Done = { made, findings, written: options.out !== undefined, departures };
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
  const names = dnsNamesIn(orThrow(parseMud(text, file), file, 'the MUD file')).filter((name) => !given.has(name));
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
): { snapshot: Snapshot; findings: readonly Diagnostic[] } {
  const built = buildSnapshot(new Map([...policy, ...made.files]), at, checkPoint);
  const snapshot = orThrow(built, null, 'the policy with the import');
  const { tooMuch, unreported } = proveMud(made, snapshot, oneWay);
  if (tooMuch ?? unreported) throw new Error(`import of ${made.file.url} is not what the file says: this is a bug`);
  const isPlaced = snapshot.accessTable.some(({ role }) => role === made.class);
  const findings = built.diagnostics.filter(
    // Of a class that is placed nowhere yet, every rule matches nothing: that is said once, at the end.
    ({ span, code }) => span && made.files.has(span.file) && (isPlaced || code !== 'rule-never-matches'),
  );
  return { snapshot, findings };
}

/** Null without observed flows. */
function readDepartures(
  made: MudImport,
  snapshot: Snapshot,
  { flows, inventory, device }: ImportMudOptions,
): Result<Departures> | null {
  if (flows === undefined) {
    if (inventory !== undefined || device.length > 0) throw new UsageError('--inventory and --device go with --flows');
    return null;
  }
  const given = device.map((text) => {
    const range = parseRange(text);
    if (!range) throw new UsageError(`--device: \`${text}\` is no address and no prefix`);
    return range;
  });
  const devices = [...given, ...(inventory === undefined ? [] : inventoryAddresses(inventory, made.class))];
  if (devices.length === 0)
    throw new UsageError(
      `no address of a device of \`${made.class}\` is known: name them with --device or --inventory`,
    );
  return departuresFrom(made, snapshot, addressSet(devices), { file: flows, text: chunksOf(flows) });
}

function inventoryAddresses(file: string, name: string): AddressRange[] {
  const { devices, byAddress } = orThrow(parseInventory(chunksOf(file), file), file, 'the inventory');
  return [...byAddress].flatMap(([address, index]) => {
    if (devices[index]!.class !== name) return [];
    const text = typeof address === 'number' ? formatAddress({ family: 4, value: BigInt(address) }) : address;
    return parseRange(text) ?? [];
  });
}

const placeOf = ({ list, name, direction, span }: MudEntry): Record<string, unknown> => ({
  list,
  entry: name,
  direction,
  line: span.line,
});

const leftOutJson = ({ entry, part, why }: LeftOutEntry): Record<string, unknown> => ({
  ...placeOf(entry),
  part,
  ...diagnosticJson(why),
});

function jsonOf({ made, findings, written, departures }: Done): Record<string, unknown> {
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
    observed: departures,
  };
}

function printImport({ made, findings, written, departures }: Done, options: ImportMudOptions): void {
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
  if (departures) printDepartures(departures);
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

const mostRows = 20;

function printDepartures({ seen, connections, explained, unseen }: Departures): void {
  print(`\n${bold('observed')}`);
  print(`${explained} of ${countOf(connections, 'connection')} of such devices are what the file says`);
  for (const one of seen.slice(0, mostRows)) print(`  ${departureText(one)}`);
  if (seen.length > mostRows) print(`  and ${seen.length - mostRows} more kinds of them: see --json`);
  if (unseen.length > 0) print(`nothing was seen of ${countOf(unseen.length, 'rule')}:`);
  for (const { file, line, text } of unseen) print(`  ${file}:${line}  ${text}`);
}

function departureText({ direction, far, service, connections, devices, lastSeen, verdict, rules }: Departure): string {
  const by = rules.map(({ file, line }) => `${file}:${line}`).join(', ');
  const what = verdict === 'allow' ? green('allowed') : red('denied');
  const ends = `${direction === 'from-device' ? 'to' : 'from'} ${far} ${service}`;
  return `${ends}: ${countOf(connections, 'connection')} of ${countOf(devices, 'device')}, last ${lastSeen}, ${what}${by ? ` by ${by}` : ''}`;
}
