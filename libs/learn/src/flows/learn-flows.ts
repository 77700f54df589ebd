import { compareDiagnostics, failure, success, type Diagnostic, type Result } from '#base';
import {
  accessOfGroups,
  Ends,
  groupDevices,
  judgeConnection,
  readFlows,
  ServiceCells,
  type FlowFile,
  type Inventory,
} from '#plan';
import { compilePolicy, didYouMean, loadPolicy, type PointCheck, type Policy, type Snapshot } from '#policy';
import { Connections, type Fate, type Judge } from './connections.js';
import { Drafting } from './drafting.js';
import type { Learned, LearnOptions } from './learned.js';
import { SeenServices } from './seen-services.js';
import { compareLeftOut, sortOut, type SortContext } from './sort-out.js';
import { Units } from './units.js';

export interface LearnInput {
  /** Of the policy: path → text. */
  readonly files: ReadonlyMap<string, string>;
  /** Now: the policy is judged at this instant, and the files are named by its day. */
  readonly at: Date;
  readonly inventory: Inventory;
  /** Connections seen on the network, in one of the formats of docs/reading-a-plan.md. */
  readonly flows: { readonly file: string; readonly text: string | Iterable<Uint8Array> };
  readonly options: LearnOptions;
  readonly checkPoint: PointCheck;
}

/**
 * The smallest set of rules that covers what was seen and is not allowed yet, and opens nothing else. Fails when the policy or the file of
 * flows is refused. It decides nothing: a person reads the lines.
 */
export function learnFlows({ files, at, inventory, flows, options, checkPoint }: LearnInput): Result<Learned> {
  const loaded = loadPolicy(files);
  if (!loaded.ok) return loaded;
  const policy = loaded.value;
  const compiled = compilePolicy(policy, at);
  if (!compiled.ok) return compiled;
  const snapshot = compiled.value;
  const unknown = unknownClasses(policy, options.classes);
  if (unknown.length > 0) return failure(unknown);

  const grouped = groupDevices(inventory, snapshot, snapshot);
  const access = accessOfGroups(grouped.groups, snapshot, snapshot);
  const ends = new Ends({ before: snapshot, after: snapshot, inventory, grouped, access });
  const units = new Units(snapshot, grouped, ends);
  const services = new SeenServices(snapshot, options.broader);
  const cells = new ServiceCells(snapshot, snapshot);
  const seen = new Connections(ends, units, cells, services, judgeOf(snapshot, ends));
  const read = readFlows(flows.text, flows.file, ends, seen);
  if (!read.ok) return read;

  const population = new Map<string, number>();
  for (const { before: grant, devices } of access)
    if (grant) population.set(grant.role, (population.get(grant.role) ?? 0) + (devices ?? 0));
  const wanted = wantedClasses(policy, options.classes);
  const context: SortContext = { ends, units, services, inventory, population, wanted, options };
  const sorted = sortOut(seen, context);
  const drafted = new Drafting({ policy, snapshot, files, at, checkPoint, seen, context }).draft(sorted.flows);
  return success({
    window: { ...windowOf(seen, read.value), otherClasses: sorted.otherClasses },
    ...drafted,
    leftOut: [...sorted.leftOut, ...drafted.leftOut].sort(compareLeftOut),
    findings: [...inventory.findings, ...grouped.findings, ...read.diagnostics, ...drafted.findings].sort(
      compareDiagnostics,
    ),
  });
}

function unknownClasses({ classes }: Policy, names: readonly string[]): Diagnostic[] {
  const unknown = names.filter((name) => !classes.has(name));
  return unknown.map((name) => ({
    severity: 'error',
    code: 'unknown-name',
    summary: `\`${name}\` is no class of the policy`,
    hint: didYouMean(name, classes.keys(), 'take a class of catalog/classes.yaml'),
  }));
}

function wantedClasses({ principalTree }: Policy, names: readonly string[]): ReadonlySet<string> | null {
  return names.length === 0 ? null : new Set(names.flatMap((name) => principalTree.members(name)));
}

/** A line that holds at some hours, or did until its end, speaks of such connections already: it is no business of a new one. */
function judgeOf(snapshot: Snapshot, ends: Ends): Judge {
  const anyTime: Snapshot = {
    ...snapshot,
    flowRules: snapshot.flowRules.map((rule) => (rule.effect === 'allow' ? { ...rule, active: true } : rule)),
  };
  return (from, to, service): Fate => {
    const [source, destination] = [ends.sides[from]!.before, ends.sides[to]!.before];
    if (source.rejected || destination.rejected) return { kind: 'rejected', lines: [] };
    const verdict = judgeConnection(snapshot, source, destination, service);
    if (verdict.verdict === 'allow') return { kind: 'allowed', lines: verdict.rules };
    if (verdict.rules.length > 0) return { kind: 'denied', lines: verdict.rules };
    const later = judgeConnection(anyTime, source, destination, service);
    return later.verdict === 'allow' ? { kind: 'other-hours', lines: later.rules } : { kind: 'open', lines: [] };
  };
}

function windowOf({ counts, firstSeen, lastSeen }: Connections, { format, malformed }: FlowFile) {
  const instant = (value: number): string | null => (Number.isFinite(value) ? new Date(value).toISOString() : null);
  return { format, malformed, ...counts, first: instant(firstSeen), last: instant(lastSeen) };
}
