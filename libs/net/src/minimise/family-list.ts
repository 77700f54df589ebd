import { append } from '#base';
import { addressAlgebra } from '../address.js';
import type { Interval } from '../interval.js';
import { isIcmp } from '../service.js';
import { sweep } from '../sweep.js';
import type { Abilities, MatchLine } from './abilities.js';
import type { AddressTable, Stroke } from './address-table.js';
import { completeAxis, protocolsOf, topOfAxis, type Axis, type ReplyAxis, type WantedAxes } from './axes.js';
import { isWholeAxis, layerAxis, type LayerRules, type Layers } from './layers.js';
import { cutOpenings, cutsOf } from './shared-denies.js';
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
  /** Layers of an axis, as long as this lives. */
  private readonly known = new Map<string, Layers>();

  constructor(
    private readonly table: AddressTable,
    private readonly abilities: Abilities,
  ) {}

  shortest({ openings, replies, lone }: WantedAxes): MatchLine[] {
    const lines = lone.map(({ protocol, sourcePorts, established, destinationPorts, wanted }) =>
      this.table.repaint(this.table.none, wanted, false)!.map((stroke): MatchLine => ({
        ...this.line(protocol, stroke),
        established,
        sourcePorts: portsOf(protocol, sourcePorts),
        destinationPorts: portsOf(protocol, destinationPorts),
      })),
    );
    const answers = replies.map((reply) => this.replyBlock(reply, openings, false));
    const plain = this.openings(openings);
    const ways = [this.byProtocol(openings, replies, answers, plain)];
    for (const closed of this.abilities.denies ? cutsOf(openings, this.table) : [])
      ways.push(together([...answers, this.cut(openings, closed)]));
    return [...lines.flat(), ...cheapest(ways).lines];
  }

  /** Each service by itself, replies first: nothing shared, so nothing to go wrong. */
  plain({ openings, replies, lone }: WantedAxes): MatchLine[] {
    const { table } = this;
    const permits = (wanted: number): readonly Stroke[] => table.repaint(table.none, wanted, false)!;
    return [
      ...lone.flatMap(({ protocol, sourcePorts, established, destinationPorts, wanted }) =>
        permits(wanted).map((stroke): MatchLine => ({
          ...this.line(protocol, stroke),
          established,
          sourcePorts: portsOf(protocol, sourcePorts),
          destinationPorts: portsOf(protocol, destinationPorts),
        })),
      ),
      ...replies.flatMap(({ protocol, established, axis }) =>
        axis.flatMap((segment) =>
          permits(segment.wanted).map((stroke): MatchLine => ({
            ...this.line(protocol, stroke),
            established,
            sourcePorts: portsOf(protocol, segment),
          })),
        ),
      ),
      ...[...openings].flatMap(([protocol, axis]) =>
        axis.flatMap((segment) =>
          table.repaint(table.none, segment.wanted)!.map((stroke): MatchLine => ({
            ...this.line(protocol, stroke),
            destinationPorts: portsOf(protocol, segment),
          })),
        ),
      ),
    ];
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
      const wide = { cost: strokes.length, lines: strokes.map((stroke) => this.line(null, stroke)) };
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
    const denies = table.repaint(table.none, closed, false)!;
    const lower = this.openings(below);
    return together([
      ...upper,
      {
        cost: denies.length,
        lines: denies.map(({ addresses }) => this.line(null, { action: 'deny', addresses })),
      },
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
    const found = this.layers(protocol, axis, background, denies);
    return {
      cost: found.cost,
      lines: found.layers.flatMap((layer) => {
        const destinationPorts = portsOf(protocol, layer);
        return layer.strokes.map((stroke) => ({ ...this.line(protocol, stroke), destinationPorts }));
      }),
    };
  }

  private replyBlock(reply: ReplyAxis, openings: ReadonlyMap<number, Axis>, denies: boolean): Block {
    const { table } = this;
    const { protocol, established } = reply;
    const open = openings.get(protocol)?.reduce((set, { wanted }) => table.intersect(set, wanted), table.all);
    // Whatever may open connections to any port of an address may also answer it.
    const needed = reply.axis.map((segment) => ({
      ...segment,
      wanted: table.subtract(segment.wanted, open ?? table.none),
    }));
    const axes = open === undefined || open === table.none || denies ? [reply.axis] : [reply.axis, needed];
    return cheapest(
      axes.map((axis) => {
        const found = this.layers(protocol, axis, table.none, denies);
        const lines = found.layers.flatMap((layer) => {
          const sourcePorts = portsOf(protocol, layer);
          return layer.strokes.map((stroke): MatchLine => ({
            ...this.line(protocol, stroke),
            established,
            sourcePorts,
          }));
        });
        return { cost: found.cost, lines };
      }),
    );
  }

  private layers(protocol: number, axis: Axis, background: number, denies: boolean): Layers {
    const { table, abilities } = this;
    const weight = (ports: Interval<number>): number => portWeight(abilities, protocol, ports);
    const rules: LayerRules = { table, denies, weight };
    const [only] = axis;
    if (axis.length > 1) {
      // Most classes want of most protocols what others want, too.
      const key = `${protocol} ${background} ${denies} ${axis.map(({ first, last, wanted }) => `${first}-${last}:${wanted}`).join()}`;
      let known = this.known.get(key);
      if (!known) {
        known = layerAxis(axis, background, atomsOf(axis, background, table), rules);
        this.known.set(key, known);
      }
      return known;
    }
    const strokes = only ? table.repaint(background, only.wanted, denies) : [];
    if (!strokes) return { cost: Infinity, layers: [] };
    return { cost: only ? strokes.length * weight(only) : 0, layers: only ? [{ ...only, strokes }] : [] };
  }

  private line(protocol: number | null, { action, addresses }: Stroke): MatchLine {
    return {
      action,
      family: this.table.family,
      protocols: protocol === null ? null : [protocol],
      sourcePorts: null,
      destination: addresses,
      destinationPorts: null,
      established: false,
    };
  }
}

interface Openings {
  readonly cost: number;
  readonly blocks: ReadonlyMap<number, Block>;
  /** Lines for all protocols, below. */
  readonly wide: Block;
}

/** Fewer protocols than this are always named one by one. */
const manyProtocols = 8;

/** What many protocols want on all their ports: may be said for all protocols at once. */
function wantedEverywhere(openings: ReadonlyMap<number, Axis>): number[] {
  if (openings.size < manyProtocols) return [];
  const counts = new Map<number, number>();
  for (const axis of openings.values()) {
    const [only] = axis;
    if (axis.length === 1) counts.set(only!.wanted, (counts.get(only!.wanted) ?? 0) + 1);
  }
  return [...counts].flatMap(([wanted, count]) => (count >= manyProtocols ? [wanted] : []));
}

/** Longer axes, and more atoms, are only cut by ports: a bound on time. */
const mostSegments = 64;
const mostAtoms = 32;

function atomsOf(axis: Axis, background: number, table: AddressTable): number[] {
  if (axis.length > mostSegments) return [];
  const wanted = new Set(axis.map((segment) => segment.wanted)).add(background);
  const sets = [...wanted].filter((set) => set !== table.none);
  const isOverlapping = sets.some((a, i) => sets.some((b, j) => j < i && table.intersect(a, b) !== table.none));
  if (!isOverlapping) return [];
  const classes = new Map<string, Interval<bigint>[]>();
  const lists = sets.map((set) => table.list(set));
  for (const { first, last, members } of sweep(lists, 1n)) {
    append(classes, members.join(), { first, last });
  }
  const atoms = [...classes.values()].map((list) => table.number(addressAlgebra.normalize(list)));
  return atoms.length > mostAtoms ? [] : atoms;
}

function portsOf(protocol: number, { first, last }: Interval<number>): readonly Interval<number>[] | null {
  if (isWholeAxis({ first, last })) return null;
  return [{ first, last: isIcmp(protocol) && last === topOfAxis ? 255 : last }];
}
