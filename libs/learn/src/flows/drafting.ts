import { compareText, type Diagnostic } from '#base';
import { formatServices, serviceAlgebra, type ServiceSet } from '#net';
import type { PointCheck, Policy, Snapshot } from '#policy';
import { checkFiles, type CheckedFiles } from './check-files.js';
import type { Connections } from './connections.js';
import { evidenceOf } from './evidence.js';
import type { Learned, LeftOut, LeftOutKind, ProposedLine } from './learned.js';
import { NewNames } from './new-names.js';
import { Principals } from './principals.js';
import { proposeLines, type ChosenLine, type ChosenLines, type SeenPair } from './propose-lines.js';
import { lineText, pathsFor, renderFiles } from './render.js';
import { exactly } from './seen-services.js';
import { exampleText, type SeenFlow, type SortContext } from './sort-out.js';

export interface DraftContext {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  readonly files: ReadonlyMap<string, string>;
  readonly at: Date;
  readonly checkPoint: PointCheck;
  readonly seen: Connections;
  readonly context: SortContext;
}

export type Draft = Pick<
  Learned,
  'lines' | 'isFewest' | 'endpoints' | 'applications' | 'leftOut' | 'failingTests' | 'files' | 'findings'
>;

/** A pair of units with all that is known of it. */
interface Pair extends SeenPair {
  wanted: ServiceSet;
  seen: ServiceSet;
  /** Services that were seen themselves. */
  readonly truly: ServiceSet;
  readonly flows: readonly SeenFlow[];
}

interface Attempt {
  readonly names: NewNames;
  readonly lines: readonly { readonly chosen: ChosenLine; readonly line: ProposedLine }[];
  readonly files: ReadonlyMap<string, string>;
  /** Of the lines, by place: why the policy does not take it. */
  readonly refused: ReadonlyMap<number, string>;
  readonly checked: CheckedFiles;
}

/**
 * Lines for seen flows that the policy takes: what breaks one of its tests is left out, pair by pair, until nothing does. Which lines are
 * fewest `propose-lines.ts` decides, and what a test says `libs/policy`.
 */
export class Drafting {
  private readonly pairs: Pair[] = [];
  private readonly places = new Map<string, Pair>();
  private readonly principals: Principals;
  private readonly leftOut: LeftOut[] = [];

  constructor(private readonly draftContext: DraftContext) {
    const { policy, snapshot, context } = draftContext;
    this.principals = new Principals(policy, snapshot, context.units, context.population);
  }

  draft(flows: readonly SeenFlow[]): Draft {
    const { files, context } = this.draftContext;
    for (const pair of this.pairsOf(flows)) {
      this.pairs.push(pair);
      this.places.set(`${pair.source} ${pair.destination}`, pair);
    }
    const before = this.check(files);
    for (;;) {
      const chosen = proposeLines(this.pairs, this.draftContext.snapshot, this.principals, context.options.broader);
      const attempt = this.attempt(chosen.lines);
      if (attempt.refused.size > 0) this.drop(attempt);
      else return this.result(chosen, attempt, before);
    }
  }

  private pairsOf(flows: readonly SeenFlow[]): Pair[] {
    const { services } = this.draftContext.context;
    const key = (source: number, destination: number): string => `${source} ${destination}`;
    const allowed = Map.groupBy(this.draftContext.seen.allowed, ([source, destination]) => key(source, destination));
    const union = (sets: readonly ServiceSet[]): ServiceSet => serviceAlgebra.normalize(sets.flat());
    const byPair = Map.groupBy(flows, ({ source, destination }) => key(source, destination));
    return [...new Set([...byPair.keys(), ...allowed.keys()])].map((name): Pair => {
      const own = byPair.get(name) ?? [];
      const [source, destination] = name.split(' ').map(Number) as [number, number];
      const old = union((allowed.get(name) ?? []).map(([, , service]) => services.setOf(service)));
      const wanted = union(own.map(({ service }) => services.setOf(service)));
      const truly = union([old, ...own.flatMap((flow) => [...flow.services].map(exactly))]);
      return { source, destination, wanted, seen: serviceAlgebra.union(wanted, old), truly, flows: own };
    });
  }

  private pairOf(source: number, destination: number): Pair | undefined {
    return this.places.get(`${source} ${destination}`);
  }

  private check(files: ReadonlyMap<string, string>): CheckedFiles {
    const { at, checkPoint } = this.draftContext;
    return checkFiles(files, pathsFor(this.draftContext.files, at).rules, at, checkPoint);
  }

  private attempt(chosen: readonly ChosenLine[]): Attempt {
    const { policy, files: own, at } = this.draftContext;
    const names = new NewNames(policy);
    const paths = pathsFor(own, at);
    const lines = chosen
      .map((one) => ({ chosen: one, line: this.lineOf(one, names) }))
      .sort((a, b) => compareText(lineText(a.line), lineText(b.line)));
    const files = renderFiles(
      paths,
      lines.map(({ line }) => line),
      names.endpoints,
      names.applications,
    );
    const checked = this.check(new Map([...own, ...files]));
    const text = (files.get(paths.rules) ?? '').split('\n');
    const refused = new Map<number, string>();
    for (const [number, why] of checked.refused) {
      const place = lines.findIndex(({ line }) => lineText(line) === text[number - 1]);
      if (place >= 0) refused.set(place, why);
    }
    return { names, lines, files, refused, checked };
  }

  private lineOf(chosen: ChosenLine, names: NewNames): ProposedLine {
    const { context, seen } = this.draftContext;
    const flows = chosen.covers.flatMap(({ pair, services }) => this.flowsWithin(pair, services));
    return {
      subject: this.nameOf(chosen.subject, names),
      object: this.nameOf(chosen.object, names),
      application: chosen.application ?? names.application(chosen.services),
      when: context.options.when,
      evidence: evidenceOf(
        flows.map((flow) => flow.seen),
        (i) => exampleText(seen, context, i),
      ),
      broader: this.broaderOf(chosen),
    };
  }

  private nameOf({ name, units }: ChosenLine['subject'], names: NewNames): string {
    const [first] = units;
    const unit = this.draftContext.context.units.list[first!]!;
    return unit.kind === 'address' ? names.endpoint(unit.address) : name;
  }

  private flowsWithin(pair: number, services: ServiceSet): readonly SeenFlow[] {
    const { services: seen } = this.draftContext.context;
    return this.pairs[pair]!.flows.filter(
      ({ service }) => serviceAlgebra.intersect(seen.setOf(service), services).length > 0,
    );
  }

  /** What of a line was not seen, worked out from the connections themselves. */
  private broaderOf({ subject, object, services }: ChosenLine): string[] {
    const { units } = this.draftContext.context;
    const missing = new Map<string, string[]>();
    for (const source of [...subject.units, ...subject.also]) {
      for (const destination of [...object.units, ...object.also]) {
        const pair = this.pairOf(source, destination);
        const left = serviceAlgebra.subtract(services, pair?.truly ?? []);
        if (left.length === 0) continue;
        const text = `${units.list[source]!.name} to ${units.list[destination]!.name}`;
        missing.set(formatServices(left), [...(missing.get(formatServices(left)) ?? []), text]);
      }
    }
    const unseen = [...subject.unseen, ...object.unseen].map((name) => `class ${name}, of which nothing was seen`);
    return [...[...missing].map(([text, pairs]) => `${text} of ${pairs.join(', ')}`), ...unseen];
  }

  /** Takes out what the policy does not want: of the lines that it refuses, the pairs that it refuses by themselves. */
  private drop({ lines, refused }: Attempt): void {
    const blamed = [...refused].map(([place, why]) => ({
      why,
      covers: byPair(lines[place]!.chosen),
      ...lines[place]!,
    }));
    const single = blamed.flatMap(({ chosen, covers }) =>
      covers.map((cover): ChosenLine => {
        const { source, destination } = this.pairs[cover.pair]!;
        const [subject, object] = [this.narrowest(source), this.narrowest(destination)];
        return { ...chosen, subject, object, covers: [cover] };
      }),
    );
    const isSplit = blamed.some(({ covers }) => covers.length > 1);
    const trial = isSplit ? this.attempt(single) : null;
    if (trial && trial.refused.size > 0)
      for (const [place, why] of trial.refused) this.dropCovers(trial.lines[place]!.chosen.covers, why);
    else for (const { why, covers } of blamed) this.dropCovers(covers, why);
  }

  private narrowest(unit: number): ChosenLine['subject'] {
    const [first, ...rest] = this.principals.of(unit);
    const widened = this.principals.widened(unit);
    if (!first) return widened!;
    return rest.reduce((best, one) => (one.units.length < best.units.length ? one : best), first);
  }

  private dropCovers(covers: ChosenLine['covers'], why: string): void {
    for (const { pair, services } of covers) {
      const one = this.pairs[pair]!;
      const gone = serviceAlgebra.intersect(one.wanted, services);
      if (gone.length === 0) continue;
      this.leaveOut(pair, gone, 'test', why);
      one.wanted = serviceAlgebra.subtract(one.wanted, gone);
      one.seen = serviceAlgebra.subtract(one.seen, gone);
    }
  }

  private leaveOut(pair: number, services: ServiceSet, kind: LeftOutKind, reason: string): void {
    const { context, seen } = this.draftContext;
    const { source, destination } = this.pairs[pair]!;
    const [from, to] = [source, destination].map((unit) => context.units.list[unit]!.name) as [string, string];
    const sightings = this.flowsWithin(pair, services).map((flow) => flow.seen);
    const evidence = evidenceOf(sightings, (i) => exampleText(seen, context, i));
    const service = formatServices(services);
    this.leftOut.push({ kind, source: from, destination: to, service, evidence, reason, lines: [] });
  }

  private result(
    { isFewest, uncovered }: ChosenLines,
    { names, lines, files, checked }: Attempt,
    before: CheckedFiles,
  ): Draft {
    for (const { pair, services } of byPair({ covers: uncovered }))
      this.leaveOut(pair, services, 'no-exact-line', this.whyNoLine(pair, services));
    return {
      lines: lines.map(({ line }) => line),
      isFewest,
      endpoints: names.endpoints,
      applications: names.applications,
      leftOut: this.leftOut,
      failingTests: { before: before.failing, after: checked.failing },
      files,
      findings: newErrors(before.errors, checked.errors),
    };
  }

  private whyNoLine(pair: number, services: ServiceSet): string {
    const { source, destination } = this.pairs[pair]!;
    const others: string[] = [];
    for (const one of this.membersOf(source)) {
      for (const other of this.membersOf(destination)) {
        const seen = one.unit !== null && other.unit !== null ? this.pairOf(one.unit, other.unit) : undefined;
        if (!seen || !serviceAlgebra.isSubset(services, seen.seen))
          others.push(one.unit === source ? other.name : one.name);
      }
    }
    const names = [...new Set(others)].sort(compareText);
    return `a line for it holds for ${names.join(', ')}, too, of which it was not seen; --broader takes it`;
  }

  /** What a line for a unit holds for; no unit: nothing was seen of it. */
  private membersOf(unit: number): { name: string; unit: number | null }[] {
    const { name, kind } = this.draftContext.context.units.list[unit]!;
    return kind === 'class' ? this.principals.membersOf(name) : [{ name, unit }];
  }
}

/** Services of the same pair together. */
function byPair({ covers }: Pick<ChosenLine, 'covers'>): { pair: number; services: ServiceSet }[] {
  const found = Map.groupBy(covers, ({ pair }) => pair);
  return [...found].map(([pair, parts]) => ({
    pair,
    services: serviceAlgebra.normalize(parts.flatMap(({ services }) => services)),
  }));
}

function newErrors(before: readonly Diagnostic[], after: readonly Diagnostic[]): Diagnostic[] {
  const known = new Set(before.map(({ code, summary }) => `${code} ${summary}`));
  return after.filter(({ code, summary }) => !known.has(`${code} ${summary}`));
}
