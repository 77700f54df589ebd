import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatDiagnostic } from '#base';
import { checkPoint } from '#drivers';
import {
  evidenceText,
  learnDefaults,
  learnFlows,
  lineText,
  type Learned,
  type LearnOptions,
  type LeftOut,
} from '#learn';
import { parseInventory } from '#plan';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { policyInForce, registeredDevices, seenFlows, unnamedText } from '../controller-inputs.js';
import { countOf, diagnosticJson, green, print, printJson, red, yellow } from '../output.js';
import { namedFile, readPolicyFolder, UsageError, type NamedText } from '../policy-files.js';
import { readSince } from '../times.js';
import { orThrow, readInstant } from './policy.js';

export interface LearnCommandOptions extends ControllerArguments {
  readonly flows?: string;
  readonly since?: string;
  readonly inventory?: string;
  readonly policy?: string;
  readonly class?: readonly string[];
  readonly out?: string;
  readonly broader?: boolean;
  readonly internet?: boolean;
  readonly minConnections: string;
  readonly minDevices: string;
  readonly scanTargets: string;
  readonly scanSeconds: string;
  readonly until?: string;
  readonly all?: boolean;
  readonly at?: string;
  readonly json?: boolean;
}

/** Of one kind of what is left out, so many are printed without --all. */
const mostOfAKind = 10;

/**
 * Proposes rules for what was seen on the network. Nothing of it is in force until somebody commits it. Exit codes: 0 there is nothing to
 * propose, 2 there is, 1 a file is refused or the policy does not compile with the proposed lines.
 */
export async function learn(options: LearnCommandOptions): Promise<number> {
  const at = readInstant(options.at);
  const learning = readOptions(options);
  const { policy, place, commit, devices, flows, unnamed } = await inputsOf(options);
  const inventory = orThrow(parseInventory(devices.text, devices.file), devices.file);
  const input = { files: policy, at, inventory, flows, options: learning, checkPoint };
  const learned = orThrow(learnFlows(input), place);
  const isRefused = learned.findings.some(({ severity }) => severity === 'error');
  const written = options.out === undefined || isRefused ? [] : writeFiles(options.out, learned.files);
  if (options.json) printJson({ ok: !isRefused, commit, unnamed, ...jsonOf(learned), written });
  else {
    if (commit !== null) print(`# policy in force at the controller: commit ${commit}`);
    printLearned(learned, options.all === true);
    if (unnamed > 0) print(`# ${yellow('warning')}: ${unnamedText(unnamed)}`);
    for (const path of written) print(`# written: ${path}`);
    if (isRefused) print(`# ${red('the policy is refused with these lines')}: nothing is written`);
  }
  return isRefused ? 1 : learned.lines.length > 0 ? 2 : 0;
}

interface Inputs {
  readonly policy: ReadonlyMap<string, string>;
  /** Where it is from. */
  readonly place: string;
  /** Null: it is a folder. */
  readonly commit: string | null;
  readonly devices: NamedText;
  readonly flows: NamedText;
  /** See `SeenFlows`. */
  readonly unnamed: number;
}

/** With --since all of it is what the controller has, but for what an option names. */
async function inputsOf(options: LearnCommandOptions): Promise<Inputs> {
  if (options.flows !== undefined && options.since !== undefined)
    throw new UsageError('--flows and --since name two sources of flows; take one');
  if (options.flows !== undefined) {
    if (options.inventory === undefined)
      throw new UsageError('which devices are there? Name a file with --inventory, or learn with --since');
    const folder = policyFolder(options) ?? 'policies';
    const inputs = { policy: readPolicyFolder(folder), place: folder, commit: null, unnamed: 0 };
    return { ...inputs, devices: namedFile(options.inventory), flows: namedFile(options.flows) };
  }
  if (options.since === undefined)
    throw new UsageError(
      'which flows? Name a file with --flows, or a time with --since: what the controller saw since',
    );
  const since = readSince(options.since, new Date());
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const folder = policyFolder(options);
  const inForce = folder === null ? await policyInForce(client) : null;
  const devices = options.inventory === undefined ? await registeredDevices(client) : namedFile(options.inventory);
  const flows = await seenFlows(client, since);
  return {
    policy: inForce?.files ?? readPolicyFolder(folder!),
    place: folder ?? 'the policy in force',
    commit: inForce?.commit ?? null,
    devices,
    flows,
    unnamed: flows.unnamed,
  };
}

/** What is proposed is checked with the policy that it is written into, if there is one. Null: no option names a folder. */
function policyFolder({
  policy = null,
  out,
}: {
  readonly policy?: string | null;
  readonly out?: string;
}): string | null {
  if (out === undefined || !existsSync(out)) return policy;
  if (!statSync(out).isDirectory()) throw new UsageError(`--out: \`${out}\` is not a folder`);
  return existsSync(join(out, 'rules')) ? out : policy;
}

function readOptions(options: LearnCommandOptions): LearnOptions {
  const number = (name: 'minConnections' | 'minDevices' | 'scanTargets' | 'scanSeconds', flag: string): number => {
    const value = Number(options[name]);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError(`${flag}: \`${options[name]}\` is not a whole number from 1`);
    return value;
  };
  return {
    classes: options.class ?? [],
    broader: options.broader === true,
    internet: options.internet === true,
    minConnections: number('minConnections', '--min-connections'),
    minDevices: number('minDevices', '--min-devices'),
    scanTargets: number('scanTargets', '--scan-targets'),
    scanSeconds: number('scanSeconds', '--scan-seconds'),
    when: whenOf(options.until),
  };
}

function whenOf(until: string | undefined): string {
  if (until === undefined) return learnDefaults.when;
  const day = new Date(`${until}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== until)
    throw new UsageError(`--until: \`${until}\` is not a day; write 2027-03-31`);
  return `until ${until}`;
}

function writeFiles(folder: string, files: Learned['files']): string[] {
  return [...files].map(([name, text]) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    // What stands there is somebody's: never written over.
    writeFileSync(path, text, { flag: 'wx' });
    return path;
  });
}

function jsonOf({ files, findings, lines, ...rest }: Learned): Record<string, unknown> {
  return {
    ...rest,
    lines: lines.map((line) => ({ text: lineText(line), ...line })),
    files: Object.fromEntries(files),
    findings: findings.map(diagnosticJson),
  };
}

/** All of it is comments and lines of rules: it can be kept as a file. */
function printLearned(learned: Learned, all: boolean): void {
  const { window, lines, leftOut, files, findings } = learned;
  const days =
    window.first && window.last ? `${window.first.slice(0, 16)} to ${window.last.slice(0, 16)} UTC` : 'no time';
  print(`# ${countOf(window.records, 'record')} (${window.format}), ${days}`);
  print(
    `# ${window.allowed} allowed already, ${window.foreign} between servers, ${window.otherClasses} of other classes, ` +
      `${window.replies + window.undecided} replies or undecided, ${window.malformed} malformed`,
  );
  for (const [path, text] of files) {
    const shown = path.endsWith('.csv') ? text : text.replaceAll(/^(?=.)/gm, '# ');
    print(`\n# ---- ${path}\n${shown.trimEnd()}`);
  }
  printLeftOut(leftOut, all);
  print(`\n# ${summaryOf(learned)}`);
  if (lines.length > 0) print('# review each line, then commit the files; `cordon plan` shows what they open');
  for (const line of findings.flatMap((one) => formatDiagnostic(one).split('\n'))) print(`# ${line}`);
}

function printLeftOut(leftOut: readonly LeftOut[], all: boolean): void {
  if (leftOut.length === 0) return;
  print(`\n# ---- left out: look at it before you open anything`);
  for (const [kind, rows] of Map.groupBy(leftOut, (row) => row.kind)) {
    print(`# ${yellow(kind)} (${rows.length})`);
    for (const { source, destination, service, reason, evidence } of all ? rows : rows.slice(0, mostOfAKind)) {
      print(`#   ${source} -> ${destination} ${shortened(service)}: ${reason}`);
      print(`#     ${evidenceText(evidence)}; for example ${evidence.example}`);
    }
    if (!all && rows.length > mostOfAKind) print(`#   and ${rows.length - mostOfAKind} more, see --all`);
  }
}

/** The first of many ports: `--json` has all of them. */
function shortened(services: string): string {
  const parts = services.split(', ');
  return parts.length <= 4 ? services : `${parts.slice(0, 3).join(', ')} and ${parts.length - 3} more`;
}

function summaryOf({ lines, isFewest, endpoints, applications, failingTests, leftOut }: Learned): string {
  const parts = [
    lines.length > 0 ? green(`${countOf(lines.length, 'line')} proposed`) : 'nothing to propose',
    ...(lines.length > 0 && !isFewest ? ['fewer may be possible'] : []),
    ...(endpoints.length > 0 ? [countOf(endpoints.length, 'new endpoint')] : []),
    ...(applications.length > 0 ? [countOf(applications.length, 'new application')] : []),
    `${leftOut.length} left out`,
    ...(failingTests.before + failingTests.after > 0
      ? [`tests of the policy that fail: ${failingTests.before} without, ${failingTests.after} with the lines`]
      : ['all tests of the policy hold']),
  ];
  return parts.join(', ');
}
