import type { Family } from '../address.js';
import type { Interval } from '../interval.js';
import { isIcmp } from '../service.js';
import type { MatchLine } from './abilities.js';
import type { Stroke } from './address-table.js';
import { isWholeAxis, portsKey, topOfAxis, type LonePart } from './axes.js';

export const lookedAt = ['destination', 'source', 'source, established'] as const;

/** What the lines of an axis have in common. `looksAt`: whose ports are on the axis. */
export interface AxisKind {
  readonly protocol: number;
  readonly looksAt: (typeof lookedAt)[number];
}

export const openingKind = (protocol: number): AxisKind => ({ protocol, looksAt: 'destination' });
export const replyKind = (protocol: number, established: boolean): AxisKind => ({
  protocol,
  looksAt: established ? 'source, established' : 'source',
});

/** A small number of its own for each kind. */
export const kindNumber = ({ protocol, looksAt }: AxisKind): number => lookedAt.indexOf(looksAt) * 256 + protocol;

type Ports = readonly Interval<number>[] | null;
type Condition = Pick<MatchLine, 'protocols' | 'sourcePorts' | 'destinationPorts' | 'established'>;

/** A line of a store, known by a number; a copy of it with another condition is none. */
class StoredLine implements MatchLine {
  readonly #number: number;
  readonly action: MatchLine['action'];
  readonly destination: MatchLine['destination'];
  readonly protocols: MatchLine['protocols'];
  readonly sourcePorts: MatchLine['sourcePorts'];
  readonly destinationPorts: MatchLine['destinationPorts'];
  readonly established: boolean;

  constructor(
    number: number,
    readonly family: Family,
    { action, addresses }: Stroke,
    condition: Condition,
  ) {
    this.#number = number;
    this.action = action;
    this.destination = addresses;
    this.protocols = condition.protocols;
    this.sourcePorts = condition.sourcePorts;
    this.destinationPorts = condition.destinationPorts;
    this.established = condition.established;
  }

  static numberOf(line: MatchLine): number | null {
    return #number in line ? line.#number : null;
  }
}

/** From 0 among the lines of its store; null: of no store. */
export const storedNumber = (line: MatchLine): number | null => StoredLine.numberOf(line);

/** Makes the lines of one family. Equal lines are one object: lists share most of theirs. */
export class LineStore {
  /** By protocol and ports, then by stroke. */
  private readonly known = new Map<number, Map<Stroke, MatchLine>>();
  private readonly ports = new Map<number, Ports>();
  private readonly protocols: (readonly number[])[] = [];
  private count = 0;

  constructor(private readonly family: Family) {}

  /** Strokes on some ports of an axis. */
  lines(kind: AxisKind, ports: Interval<number>, strokes: readonly Stroke[]): MatchLine[] {
    const { protocol, looksAt } = kind;
    const own = this.portsOf(protocol, ports);
    return this.remembered(kindNumber(kind) * 2 ** 32 + portsKey(ports), strokes, {
      protocols: (this.protocols[protocol] ??= [protocol]),
      sourcePorts: looksAt === 'destination' ? null : own,
      destinationPorts: looksAt === 'destination' ? own : null,
      established: looksAt === 'source, established',
    });
  }

  /** Strokes on all protocols. */
  wide(strokes: readonly Stroke[]): MatchLine[] {
    const condition = { protocols: null, sourcePorts: null, destinationPorts: null, established: false };
    return this.remembered(-1, strokes, condition);
  }

  private remembered(key: number, strokes: readonly Stroke[], condition: Condition): MatchLine[] {
    const known = this.known.get(key) ?? new Map<Stroke, MatchLine>();
    this.known.set(key, known);
    return strokes.map((stroke) => {
      let line = known.get(stroke);
      if (!line) {
        line = this.line(stroke, condition);
        known.set(stroke, line);
      }
      return line;
    });
  }

  lone(part: LonePart, strokes: readonly Stroke[]): MatchLine[] {
    const condition = {
      protocols: [part.protocol],
      sourcePorts: this.portsOf(part.protocol, part.sourcePorts),
      destinationPorts: this.portsOf(part.protocol, part.destinationPorts),
      established: part.established,
    };
    return strokes.map((stroke) => this.line(stroke, condition));
  }

  private line(stroke: Stroke, condition: Condition): MatchLine {
    return new StoredLine(this.count++, this.family, stroke, condition);
  }

  private portsOf(protocol: number, ports: Interval<number>): Ports {
    if (isWholeAxis(ports)) return null;
    const { first } = ports;
    const last = isIcmp(protocol) && ports.last === topOfAxis ? 255 : ports.last;
    const key = portsKey({ first, last });
    const known = this.ports.get(key) ?? [{ first, last }];
    this.ports.set(key, known);
    return known;
  }
}
