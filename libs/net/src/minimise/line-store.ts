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

/** A small number of its own for each kind. */
export const kindNumber = ({ protocol, looksAt }: AxisKind): number => lookedAt.indexOf(looksAt) * 256 + protocol;

type Ports = readonly Interval<number>[] | null;
type Condition = Pick<MatchLine, 'protocols' | 'sourcePorts' | 'destinationPorts' | 'established'>;

/** Makes the lines of one family. Equal lines are one object: lists share most of theirs. */
export class LineStore {
  /** By protocol and ports, then by stroke. */
  private readonly known = new Map<number, Map<Stroke, MatchLine>>();
  private readonly ports = new Map<number, Ports>();

  constructor(private readonly family: Family) {}

  /** Strokes on some ports of an axis. */
  lines(kind: AxisKind, ports: Interval<number>, strokes: readonly Stroke[]): MatchLine[] {
    const { protocol, looksAt } = kind;
    const own = this.portsOf(protocol, ports);
    return this.remembered(kindNumber(kind) * 2 ** 32 + portsKey(ports), strokes, {
      protocols: [protocol],
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

  private line({ action, addresses }: Stroke, condition: Condition): MatchLine {
    return { action, family: this.family, destination: addresses, ...condition };
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
