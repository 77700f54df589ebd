import type { Interval } from '../interval.js';
import { isIcmp } from '../service.js';
import type { Abilities, MatchLine, PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';
import { completeAxis, protocolsOf, type Axis, type LonePart, type ReplyAxis, type WantedAxes } from './axes.js';
import { layerAxis, type Atom, type Layer, type Layers } from './layers.js';
import { LineStore, openingKind, replyKind, type AxisKind } from './line-store.js';
import { fewProtocols, listOfOneSet, type PlainList } from './one-set.js';
import { separateAxis } from './separate.js';
import { cutOpenings, cutsOf } from './shared-denies.js';
import { hasSingleValues } from './tidy.js';
import { portWeight } from './weight.js';

/** Part of a list, with the number of its lines as the target counts them. */
interface Block {
  readonly cost: number;
  readonly lines: readonly MatchLine[];
}

const noLines: Block = { cost: 0, lines: [] };
const together = (blocks: readonly Block[]): Block => ({
  cost: blocks.reduce((sum, { cost }) => sum + cost, 0),
  lines: blocks.flatMap(({ lines }) => lines),
});
/** The first of the cheapest. */
const cheapest = (blocks: readonly Block[]): Block =>
  blocks.reduce((best, block) => (block.cost < best.cost ? block : best));

/**
 * The list of one family: what looks at source ports first, in permits alone, then the openings, which may deny what they
 * don't want. Where denies save more among the replies of a protocol, its openings come first, in permits alone.
 */
export class FamilyList {
  private readonly lines: LineStore;

  constructor(
    private readonly table: AddressTable,
    private readonly abilities: Abilities,
  ) {
    this.lines = new LineStore(table.family);
  }

  shortest({ openings, replies, lone }: WantedAxes): MatchLine[] {
    const answers = replies.map((reply) => this.replyBlock(reply, openings, false));
    const plain = this.openings(openings);
    const ways = [this.byProtocol(openings, replies, answers, plain)];
    for (const closed of this.abilities.denies ? cutsOf(openings, this.table) : [])
      ways.push(together([...answers, this.cut(openings, closed)]));
    return [...this.loneLines(lone), ...cheapest(ways).lines];
  }

  /** Where there is nothing to search for, and lines hold single values. */
  ofOneSet(regions: readonly PacketRegion[]): PlainList | null {
    return listOfOneSet(regions, this.table, this.lines);
  }

  /** Each service by itself, replies first: nothing shared, so nothing to go wrong. */
  plain({ openings, replies, lone }: WantedAxes): MatchLine[] {
    const { table, lines } = this;
    return [
      ...this.loneLines(lone),
      ...replies.flatMap(({ protocol, established, axis }) =>
        axis.flatMap((ports) => {
          const strokes = table.repaint(table.none, ports.wanted, false)!;
          return lines.lines(replyKind(protocol, established), ports, strokes);
        }),
      ),
      ...[...openings].flatMap(([protocol, axis]) =>
        axis.flatMap((ports) => lines.lines(openingKind(protocol), ports, table.repaint(table.none, ports.wanted)!)),
      ),
    ];
  }

  private loneLines(lone: readonly LonePart[]): MatchLine[] {
    const { table, lines } = this;
    return lone.flatMap((part) => lines.lone(part, table.repaint(table.none, part.wanted, false)!));
  }

  private byProtocol(
    openings: ReadonlyMap<number, Axis>,
    replies: readonly ReplyAxis[],
    answers: readonly Block[],
    plain: Openings,
  ): Block {
    const blocks = replies.map(({ protocol, established, axis }, i) => {
      const permits = answers[i]!;
      const opening = openings.get(protocol);
      const isAlone = replies.every((other, j) => i === j || other.protocol !== protocol);
      if (!this.abilities.denies || plain.wide !== noLines || !isAlone) return { permits, swapped: null };
      const denying = this.replyBlock({ protocol, established, axis }, openings, true);
      if (denying.cost >= permits.cost) return { permits, swapped: null };
      const permitting = opening ? this.openingBlock(protocol, opening, this.table.none, false) : noLines;
      const usual = permits.cost + (plain.blocks.get(protocol)?.cost ?? 0);
      const swapped = together([permitting, denying]);
      return { permits, swapped: swapped.cost < usual ? { protocol, block: swapped } : null };
    });
    const swapped = blocks.flatMap(({ swapped }) => swapped ?? []);
    const isSwapped = (protocol: number): boolean => swapped.some((one) => one.protocol === protocol);
    return together([
      ...blocks.flatMap(({ permits, swapped }) => (swapped ? [] : [permits])),
      ...swapped.map(({ block }) => block),
      ...[...plain.blocks].flatMap(([protocol, block]) => (isSwapped(protocol) ? [] : [block])),
      plain.wide,
    ]);
  }

  /** Openings above lines for all protocols, if those pay. */
  private openings(openings: ReadonlyMap<number, Axis>): Openings {
    const { table } = this;
    const apart = this.above(openings, [...openings.keys()], table.none);
    const everywhere = wantedEverywhere(openings);
    if (everywhere.length === 0) return { ...apart, wide: noLines };
    const ways = everywhere.map((wanted): Openings => {
      const strokes = table.repaint(table.none, wanted)!;
      const wide = { cost: strokes.length, lines: this.lines.wide(strokes) };
      return { ...this.above(openings, protocolsOf(table.family), wanted), wide };
    });
    const total = ({ cost, wide }: Openings): number => cost + wide.cost;
    return ways.reduce((best, way) => (total(way) < total(best) ? way : best), { ...apart, wide: noLines });
  }

  private above(
    openings: ReadonlyMap<number, Axis>,
    protocols: readonly number[],
    background: number,
  ): Omit<Openings, 'wide'> {
    const unused = completeAxis([], this.table.none);
    const blocks = new Map(
      protocols.map((protocol) => {
        const axis = openings.get(protocol) ?? unused;
        return [protocol, this.openingBlock(protocol, axis, background, this.abilities.denies)];
      }),
    );
    return { cost: together([...blocks.values()]).cost, blocks };
  }

  /** Openings above and below denies of some addresses for all protocols. */
  private cut(openings: ReadonlyMap<number, Axis>, closed: number): Block {
    const { table } = this;
    const { above, below } = cutOpenings(openings, closed, table);
    const upper = [...openings].map(([protocol, axis]) => this.aboveCut(protocol, axis, above.get(protocol)!, closed));
    const denies = table.denials(closed);
    const lower = this.openings(below);
    return together([
      ...upper,
      { cost: denies.length, lines: this.lines.wide(denies) },
      ...lower.blocks.values(),
      lower.wide,
    ]);
  }

  /**
   * What is wanted of addresses that are closed below. Ports that want others, too, must not be denied them here, so
   * intervals with denies end there.
   */
  private aboveCut(protocol: number, axis: Axis, within: Axis, closed: number): Block {
    const { table } = this;
    const permits = this.openingBlock(protocol, within, table.none, false);
    const pieces: Axis[] = [];
    let run: Axis[number][] = [];
    for (const [i, segment] of within.entries()) {
      if (table.isSubset(axis[i]!.wanted, closed)) run.push(segment);
      else {
        pieces.push(run);
        run = [];
        if (segment.wanted !== table.none) pieces.push([segment]);
      }
    }
    pieces.push(run);
    const split = pieces.map((piece) => {
      const isOpenBelow = piece.length === 1 && !table.isSubset(axis[within.indexOf(piece[0]!)]!.wanted, closed);
      return this.openingBlock(protocol, piece, table.none, !isOpenBelow && this.abilities.denies);
    });
    return cheapest([permits, together(split)]);
  }

  private openingBlock(protocol: number, axis: Axis, background: number, denies: boolean): Block {
    return this.block(openingKind(protocol), axis, background, denies);
  }

  private replyBlock(reply: ReplyAxis, openings: ReadonlyMap<number, Axis>, denies: boolean): Block {
    const { table } = this;
    const { protocol, established, axis } = reply;
    const kind = replyKind(protocol, established);
    const block = (of: Axis): Block => this.block(kind, of, table.none, denies);
    const open = openings.get(protocol)?.reduce((set, { wanted }) => table.intersect(set, wanted), table.all);
    if (open === undefined || open === table.none) return block(axis);
    // Whatever may open connections to any port of an address may also answer it, so those may be said here or not.
    const change = (of: (wanted: number) => number): Block =>
      block(axis.map((segment) => ({ ...segment, wanted: of(segment.wanted) })));
    return cheapest([
      block(axis),
      change((wanted) => table.subtract(wanted, open)),
      change((wanted) => (wanted === table.none ? wanted : table.union(wanted, open))),
    ]);
  }

  private block(kind: AxisKind, axis: Axis, background: number, denies: boolean): Block {
    const linesOf = (layers: readonly Layer[]): MatchLine[] =>
      layers.flatMap((layer) => this.lines.lines(kind, layer, layer.strokes));
    if (background !== this.table.none || axis.length < 2 || !this.isSeparable(kind.protocol)) {
      const { cost, layers } = this.layers(kind.protocol, axis, background, denies);
      return { cost, lines: linesOf(layers) };
    }
    const { separate, rest } = separateAxis(axis, this.table, denies);
    const { cost, layers } = this.layers(kind.protocol, rest, background, denies);
    const lines = linesOf(separate);
    return { cost: lines.length + cost, lines: [...lines, ...linesOf(layers)] };
  }

  /** Whether a line holds one prefix and any interval of ports. */
  private isSeparable(protocol: number): boolean {
    return hasSingleValues(this.abilities) && (!isIcmp(protocol) || this.abilities.icmpTypes === 'range');
  }

  private layers(protocol: number, axis: Axis, background: number, denies: boolean): Layers {
    const { table, abilities } = this;
    const weight = (ports: Interval<number>): number => portWeight(abilities, protocol, ports);
    const [only] = axis;
    if (axis.length > 1)
      return layerAxis(axis, background, atomsOf(axis, background, table), { table, denies, weight });
    const strokes = only ? table.repaint(background, only.wanted, denies) : [];
    if (!strokes) return { cost: Infinity, layers: [] };
    return { cost: only ? strokes.length * weight(only) : 0, layers: only ? [{ ...only, strokes }] : [] };
  }
}

interface Openings {
  readonly cost: number;
  readonly blocks: ReadonlyMap<number, Block>;
  /** Lines for all protocols, below. */
  readonly wide: Block;
}

/** What many protocols want on all their ports: may be said for all protocols at once. */
function wantedEverywhere(openings: ReadonlyMap<number, Axis>): number[] {
  if (openings.size <= fewProtocols) return [];
  const counts = new Map<number, number>();
  for (const axis of openings.values()) {
    const [only] = axis;
    if (axis.length === 1) counts.set(only!.wanted, (counts.get(only!.wanted) ?? 0) + 1);
  }
  return [...counts].flatMap(([wanted, count]) => (count > fewProtocols ? [wanted] : []));
}

/** Longer axes, and more atoms, are only cut by ports: a bound on time. */
const mostSegments = 64;
const mostAtoms = 32;

/** None where nothing overlaps. `axis`, `background`: numbers of sets. */
function atomsOf(axis: Axis, background: number, table: AddressTable): readonly Atom[] {
  if (axis.length > mostSegments) return [];
  const wanted = new Set(axis.map((segment) => segment.wanted)).add(background);
  const sets = [...wanted].filter((set) => set !== table.none);
  if (!sets.some((a, i) => sets.some((b, j) => j < i && table.touches(a, b)))) return [];
  const atoms = table.atoms(sets);
  if (atoms.length > mostAtoms) return [];
  return atoms.map(({ set, holders }) => ({ set, within: new Set(holders.map((i) => sets[i]!)) }));
}
