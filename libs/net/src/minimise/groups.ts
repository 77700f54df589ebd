import { Clusters, NumberListMap, remembered } from '#base';
import { blockAround, blockOf, rangeOfBlock, type Block } from '../address-blocks.js';
import { bitsOf, familyOf } from '../address.js';
import type { Interval } from '../interval.js';
import type { MatchLine, PacketRegion } from './abilities.js';
import { mostSets, type AddressTable } from './address-table.js';
import { topOfAxis, wantedAxes, type Axis, type WantedAxes } from './axes.js';
import { kindNumber, type AxisKind } from './line-store.js';
import { gapBorders } from './separate.js';

/** Groups that are remembered: lists have most of theirs in common with others. */
const mostGroups = 2 ** 16;

/** Makes the list of some regions in one family, and what lists are made of for who asks. */
export interface ListMaker<L> {
  readonly list: (regions: readonly PacketRegion[]) => readonly MatchLine[];
  readonly form: (line: MatchLine) => L;
}

/** A region as far as one family goes. */
interface Member<L> {
  readonly region: PacketRegion;
  /** Equal regions have the same. */
  readonly number: number;
  /** Around its addresses. */
  readonly block: Block;
  /** The block and the one beside it. */
  readonly around: Interval<bigint>;
  /** The group that consists of this alone, once asked for. */
  alone: Group<L> | null;
}

/** Regions that stand near one another. */
interface Neighbourhood<L> {
  readonly members: readonly Member<L>[];
  readonly block: Block;
  readonly around: Interval<bigint>;
}

/** Regions that have a list of their own. */
interface Group<L> {
  readonly members: readonly Member<L>[];
  readonly lines: readonly L[];
  /** Whether no line speaks of addresses that are not around the members. */
  readonly isContained: boolean;
  /** A number for each place where a gap between intervals of ports begins or ends; null until somebody asks. */
  gaps: readonly number[] | null;
}

/**
 * Cuts what a list of one family must permit into groups that are said one behind the other, each by a list of its own,
 * which lists share. Nearly every region of a class stands alone: a farm of servers with what it offers.
 *
 * One line for two groups saves nothing as long as
 * - the block around each, and the block beside that, holds nothing of the other: of a wider line, what lies beside each
 *   would have to be closed, with as many lines as were saved; and
 * - they share no gap between intervals of ports, which one line would close for both.
 *
 * INVARIANT: no group but the last says anything about addresses around another, so what is proved of each is proved of
 * the list.
 */
export class GroupedList<L> {
  private readonly members = new WeakMap<PacketRegion, Member<L> | 'none'>();
  private readonly groups = new NumberListMap<Group<L>>(mostGroups);
  /** By what they want of which addresses. */
  private readonly numbers = new Map<number, number>();
  private readonly demands = new Map<string, number>();
  private readonly bits: number;

  constructor(
    private readonly table: AddressTable,
    private readonly maker: ListMaker<L>,
  ) {
    this.bits = bitsOf(table.family);
  }

  /** In order of address. The same groups are the same object, as long as they are remembered. */
  partsOf(regions: readonly PacketRegion[]): readonly (readonly L[])[] {
    const members: Member<L>[] = [];
    for (const region of regions) {
      const member = this.memberOf(region);
      if (member !== 'none') members.push(member);
    }
    const near = this.neighbourhoods(members);
    if (near.length === 1) return [this.groupOf(near[0]!.members).lines];
    const groups = this.joined(near.map((one) => this.groupOf(one.members)));
    const wide = groups.filter(({ isContained }) => !isContained);
    if (wide.length === 0) return groups.map(({ lines }) => lines);
    // Only one list can have the last word about everything.
    const last = wide.length === 1 ? wide[0]! : this.groupOf(wide.flatMap((group) => group.members));
    const contained = groups.filter(({ isContained }) => isContained);
    return [...contained, last].map(({ lines }) => lines);
  }

  /** `none`: the region wants nothing in this family. */
  private memberOf(region: PacketRegion): Member<L> | 'none' {
    return remembered(this.members, region, () => {
      const addresses = familyOf(region.addresses, this.table.family);
      if (addresses.length === 0) return 'none';
      const block = blockAround(addresses[0]!.first, addresses.at(-1)!.last);
      const number = this.numberOf(this.table.number(addresses), region);
      return { region, number, block, around: this.around(block), alone: null };
    });
  }

  private numberOf(set: number, { services, sourcePorts, established }: PacketRegion): number {
    const demand = `${textOf(services)} ${sourcePorts ? textOf(sourcePorts) : 'any'} ${established === true}`;
    return numberOf(this.numbers, set * mostSets + numberOf(this.demands, demand));
  }

  private groupOf(members: readonly Member<L>[]): Group<L> {
    const [first] = members;
    if (members.length === 1) return (first!.alone ??= this.known(members));
    return this.known(members);
  }

  private known(members: readonly Member<L>[]): Group<L> {
    const numbers = members.map(({ number }) => number);
    return this.groups.getOrAdd(numbers, () => {
      const lines = this.maker.list(members.map(({ region }) => region));
      const near = members.length === 1 ? members : this.neighbourhoods(members);
      const isContained = this.areAround(lines, near);
      return { members, lines: lines.map(this.maker.form), isContained, gaps: null };
    });
  }

  private areAround(lines: readonly MatchLine[], near: readonly { readonly around: Interval<bigint> }[]): boolean {
    const all = this.table.list(this.table.all);
    return lines.every(({ destination }) =>
      near.some(({ around }) => (destination ?? all).every((range) => holds(around, range))),
    );
  }

  private gapsOf(group: Group<L>): readonly number[] {
    return (group.gaps ??= gapsOf(
      wantedAxes(
        group.members.map(({ region }) => region),
        this.table,
      ),
      this.table,
    ));
  }

  /** In order of address. */
  private neighbourhoods(members: readonly Member<L>[]): Neighbourhood<L>[] {
    const found: Neighbourhood<L>[] = [];
    const sorted = members.toSorted((a, b) => compare(a.block.first, b.block.first));
    for (const member of sorted) {
      let next: Neighbourhood<L> = { members: [member], block: member.block, around: member.around };
      for (let top = found.at(-1); top && meets(top.around, next.around); top = found.at(-1)) {
        found.pop();
        const block = blockOfTwo(top.block, next.block);
        next = { members: [...top.members, ...next.members], block, around: this.around(block) };
      }
      found.push(next);
    }
    return found;
  }

  private around({ first, free }: Block): Interval<bigint> {
    return rangeOfBlock(blockOf(first, Math.min(free + 1, this.bits)));
  }

  /** Groups that share a gap become one. */
  private joined(groups: readonly Group<L>[]): readonly Group<L>[] {
    const open = groups.filter((group) => this.gapsOf(group).length > 0);
    if (open.length < 2) return groups;
    const owners = new Map<number, number>();
    const clusters = new Clusters(open.length);
    for (const [i, group] of open.entries()) {
      for (const gap of this.gapsOf(group)) {
        clusters.join(owners.get(gap) ?? i, i);
        owners.set(gap, i);
      }
    }
    if (clusters.areApart) return groups;
    const joined = clusters.lists().map((places) => {
      const own = places.map((i) => open[i]!);
      return own.length === 1 ? own[0]! : this.groupOf(own.flatMap((group) => group.members));
    });
    return [...groups.filter((group) => this.gapsOf(group).length === 0), ...joined];
  }
}

function gapsOf({ openings, replies }: WantedAxes, table: AddressTable): number[] {
  const gaps = (kind: AxisKind, axis: Axis): number[] =>
    gapBorders(axis, table).map((border) => kindNumber(kind) * (topOfAxis + 1) * 2 + border);
  return [
    ...[...openings].flatMap(([protocol, axis]) => gaps({ protocol, looksAt: 'destination' }, axis)),
    ...replies.flatMap(({ protocol, established, axis }) =>
      gaps({ protocol, looksAt: established ? 'source, established' : 'source' }, axis),
    ),
  ];
}

const textOf = (list: readonly Interval<number>[]): string => list.map(({ first, last }) => `${first}-${last}`).join();

function numberOf<K>(known: Map<K, number>, key: K): number {
  const found = known.get(key) ?? known.size;
  known.set(key, found);
  return found;
}

function blockOfTwo(a: Block, b: Block): Block {
  const { first, free } = blockAround(a.first, b.first);
  return blockOf(first, Math.max(a.free, b.free, free));
}

const meets = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first <= b.last && b.first <= a.last;

const holds = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first <= b.first && b.last <= a.last;

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
