import { compareText } from '#base';
import { formatAddress, formatServices } from '#net';
import { TupleIndex, type Ends, type Inventory } from '#plan';
import type { RuleLine } from '#policy';
import type { Connections } from './connections.js';
import { evidenceOf, Sightings } from './evidence.js';
import type { LearnOptions, LeftOut, LeftOutKind } from './learned.js';
import { findScans, type Scan } from './scans.js';
import { exactly, type SeenServices } from './seen-services.js';
import type { EndFacts, Units } from './units.js';

/** What a line may be proposed for. */
export interface SeenFlow {
  /** Numbers of units. */
  readonly source: number;
  readonly destination: number;
  /** As `SeenServices` numbers it. */
  readonly service: number;
  /** The services themselves. */
  readonly services: Set<number>;
  readonly seen: Sightings;
}

export interface SortedOut {
  readonly flows: readonly SeenFlow[];
  readonly leftOut: readonly LeftOut[];
  readonly otherClasses: number;
}

export interface SortContext {
  readonly ends: Ends;
  readonly units: Units;
  readonly services: SeenServices;
  readonly inventory: Inventory;
  /** How many devices of the inventory count as a class. */
  readonly population: ReadonlyMap<string, number>;
  /** Null: every class is asked for. */
  readonly wanted: ReadonlySet<string> | null;
  readonly options: LearnOptions;
}

/** Tells what lines should be about from what they should not, by the reasons of `LeftOutKind`. */
export function sortOut(connections: Connections, context: SortContext): SortedOut {
  return new Sorter(connections, context).run();
}

/** What is left out and reads alike. */
interface Row {
  readonly kind: LeftOutKind;
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly reason: string;
  readonly lines: readonly RuleLine[];
  readonly seen: Sightings;
}

class Sorter {
  private readonly flows: SeenFlow[] = [];
  private readonly flowIndex = new TupleIndex();
  private readonly texts = new Map<string, number>();
  private readonly rowIndex = new TupleIndex();
  private readonly rowList: Row[] = [];
  private otherClasses = 0;

  constructor(
    private readonly seen: Connections,
    private readonly context: SortContext,
  ) {}

  run(): SortedOut {
    const { seen } = this;
    const scanned = new Uint8Array(seen.source.length);
    const scans = this.scans();
    for (const scan of scans) for (const i of scan.connections) scanned[i] = 1;
    for (const i of seen.source.keys()) if (scanned[i] === 0) this.sort(i);
    const flows: SeenFlow[] = [];
    for (const flow of this.flows) {
      const reason = this.oneOff(flow);
      if (reason === null) flows.push(flow);
      else this.leaveOutFlow(flow, 'one-off', reason);
    }
    const left = this.rowList.map((row) => this.leftOut(row));
    const leftOut = [...scans.map((scan) => this.scanRow(scan)), ...left].sort(compareLeftOut);
    return { flows, leftOut, otherClasses: this.otherClasses };
  }

  private scans(): Scan[] {
    const { units, services, options } = this.context;
    const { source, destination, service, first, last, isAnswered, times } = this.seen;
    return findScans(
      {
        source,
        destination,
        service,
        first,
        last,
        isAnswered,
        times,
        isServer: (end) => units.factsOf(end).isServer,
        isUnknown: (end) => {
          const { unit } = units.factsOf(end);
          return unit < 0 || units.list[unit]!.kind === 'address';
        },
        familyOf: (one) => services.familyOf(one),
      },
      options,
    );
  }

  private sort(i: number): void {
    const { units, options, wanted } = this.context;
    const { seen } = this;
    const [from, to] = [units.factsOf(seen.source[i]!), units.factsOf(seen.destination[i]!)];
    const fate = seen.fates[seen.fate[i]!] ?? null;
    if (from.doubt !== null) return this.leaveOut(i, from, to, 'unknown-source', from.doubt, []);
    if (from.isInternet && !options.internet) return this.leaveOut(i, from, to, 'internet', fromInternet, []);
    if (fate?.kind === 'rejected')
      return this.leaveOut(i, from, to, 'no-access', 'policy gives one of the devices no access', []);
    if (fate?.kind === 'denied')
      return this.leaveOut(i, from, to, 'denied', `${placeOf(fate.lines)} forbids it`, fate.lines);
    if (to.isInternet && !options.internet) return this.leaveOut(i, from, to, 'internet', toInternet, []);
    if (fate?.kind === 'other-hours') {
      const reason = `${placeOf(fate.lines)} allows it at other times`;
      return this.leaveOut(i, from, to, 'other-hours', reason, fate.lines);
    }
    if (to.unit < 0)
      return this.leaveOut(i, from, to, 'unknown-destination', 'nobody knows which device was meant', []);
    if (wanted && !this.isWanted(from, wanted) && !this.isWanted(to, wanted)) {
      this.otherClasses += seen.times[i]!;
      return;
    }
    const service = this.context.services.of(seen.service[i]!);
    const index = this.flowIndex.of(from.unit, to.unit, service);
    if (index === this.flows.length)
      this.flows.push({
        source: from.unit,
        destination: to.unit,
        service,
        services: new Set(),
        seen: new Sightings(i),
      });
    const flow = this.flows[index]!;
    flow.services.add(seen.service[i]!);
    flow.seen.add(this.deviceOf(i), seen.first[i]!, seen.last[i]!, seen.times[i]!);
  }

  private isWanted({ unit }: EndFacts, wanted: ReadonlySet<string>): boolean {
    const one = this.context.units.list[unit]!;
    return one.kind === 'class' && wanted.has(one.name);
  }

  /** The device that a connection says something about: the one that opened it, or to which a server did. */
  private deviceOf(i: number): number {
    const { ends } = this.context;
    const [source, destination] = [this.seen.source[i]!, this.seen.destination[i]!];
    const device = ends.deviceOf[source]!;
    return device >= 0 ? device : ends.deviceOf[destination]!;
  }

  /** Null: it was seen often enough. */
  private oneOff({ source, destination, seen }: SeenFlow): string | null {
    const { units, population, options } = this.context;
    if (seen.connections < options.minConnections)
      return `seen ${times(seen.connections)}, ${options.minConnections} are wanted`;
    const near = [source, destination].map((unit) => units.list[unit]!).find(({ kind }) => kind === 'class');
    const devices = near ? (population.get(near.name) ?? 0) : 0;
    const wanted = Math.min(options.minDevices, Math.max(1, Math.ceil(devices / 2)));
    if (seen.devices.size >= wanted) return null;
    return `seen of ${seen.devices.size} of ${devices} devices of class ${near?.name}, ${wanted} are wanted`;
  }

  private leaveOutFlow({ source, destination, service, seen }: SeenFlow, kind: LeftOutKind, reason: string): void {
    const { units, services } = this.context;
    const names = [source, destination].map((unit) => units.list[unit]!.name) as [string, string];
    const text = formatServices(services.setOf(service));
    const row = { kind, source: names[0], destination: names[1], service: text, reason, lines: [], seen };
    this.rowList.push(row);
  }

  private leaveOut(
    i: number,
    from: EndFacts,
    to: EndFacts,
    kind: LeftOutKind,
    reason: string,
    lines: readonly RuleLine[],
  ): void {
    const family = this.context.services.familyOf(this.seen.service[i]!);
    const source = from.unit < 0 || from.isServer || from.doubt === null ? from.label : this.doubtful(from);
    const index = this.rowIndex.of(this.text(`${kind} ${reason}`), this.text(source), this.text(to.label), family);
    if (index === this.rowList.length) {
      const service = this.context.services.nameOf(this.seen.service[i]!);
      this.rowList.push({ kind, source, destination: to.label, service, reason, lines, seen: new Sightings(i) });
    }
    const { first, last, times, source: sources } = this.seen;
    const device = this.deviceOf(i);
    this.rowList[index]!.seen.add(device >= 0 ? device : -1 - sources[i]!, first[i]!, last[i]!, times[i]!);
  }

  private doubtful({ label }: EndFacts): string {
    return label.startsWith('unnamed address') ? 'unnamed address' : label;
  }

  private text(text: string): number {
    const known = this.texts.get(text) ?? this.texts.size;
    this.texts.set(text, known);
    return known;
  }

  private scanRow({ source, connections, targets }: Scan): LeftOut {
    const { units, ends } = this.context;
    const { destination, service, first, last, isAnswered, times: counts } = this.seen;
    const seen = new Sightings(connections[0]!);
    for (const i of connections) seen.add(source, first[i]!, last[i]!, counts[i]!);
    const places = new Set(connections.map((i) => destination[i]!)).size;
    const services = new Set(connections.map((i) => service[i]!));
    const sum = (some: readonly number[]): number => some.reduce((all, i) => all + counts[i]!, 0);
    const unanswered = sum(connections.filter((i) => isAnswered[i] === false));
    const told = unanswered > 0 ? `, ${unanswered} of ${sum(connections)} unanswered` : '';
    const { label } = units.factsOf(source);
    const [one] = services;
    return {
      kind: 'scan',
      source: `${label} ${formatAddress(ends.addressOf(source))}`,
      destination: `${places} ${places === 1 ? 'address' : 'addresses'}`,
      service: services.size === 1 ? this.context.services.nameOf(one!) : `${services.size} services`,
      evidence: evidenceOf([seen], (i) => this.exampleOf(i)),
      reason: `${targets} targets within ${this.context.options.scanSeconds} seconds${told}`,
      lines: [],
    };
  }

  private leftOut({ seen, ...row }: Row): LeftOut {
    return { ...row, evidence: evidenceOf([seen], (i) => this.exampleOf(i)) };
  }

  private exampleOf(i: number): string {
    return exampleText(this.seen, this.context, i);
  }
}

const fromInternet = 'nothing from the internet is proposed without --internet';
const toInternet = 'nothing to the internet is proposed without --internet';
const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);
const placeOf = (lines: readonly RuleLine[]): string => lines.map(({ file, line }) => `${file}:${line}`).join(', ');

/** `10.21.0.1 (00:03:b1:4a:10:21) -> 10.10.4.20 tcp/443` */
export function exampleText(seen: Connections, context: Pick<SortContext, 'ends' | 'inventory'>, i: number): string {
  const { ends, inventory } = context;
  const [source, destination] = [seen.source[i]!, seen.destination[i]!].map((end) => {
    const id = inventory.devices[ends.deviceOf[end]!]?.id;
    return `${formatAddress(ends.addressOf(end))}${id ? ` (${id})` : ''}`;
  });
  return `${source} -> ${destination} ${formatServices(exactly(seen.service[i]!))}`;
}

const order: readonly LeftOutKind[] = [
  'scan',
  'unknown-source',
  'denied',
  'test',
  'internet',
  'no-access',
  'one-off',
  'no-exact-line',
  'other-hours',
  'unknown-destination',
];

/** The worst first, then what is seen most. */
export function compareLeftOut(a: LeftOut, b: LeftOut): number {
  return (
    order.indexOf(a.kind) - order.indexOf(b.kind) ||
    b.evidence.devices - a.evidence.devices ||
    b.evidence.connections - a.evidence.connections ||
    compareText(a.source, b.source) ||
    compareText(a.destination, b.destination) ||
    compareText(a.service, b.service) ||
    compareText(a.reason, b.reason)
  );
}
