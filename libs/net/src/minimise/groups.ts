import { Clusters, NumberListMap } from '#base';
import { blockAround, blockOf, rangeOfBlock, type Block } from '../address-blocks.js';
import { bitsOf, familyOf } from '../address.js';
import { textOfIntervals, type Interval } from '../interval.js';
import type { MatchLine, PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';
import { wantedAxes, type Axis, type WantedAxes } from './axes.js';
import { openingKind, replyKind, storedNumber, type AxisKind } from './line-store.js';
import type { PlainList } from './one-set.js';
import { bordersOfKind, gapBorders } from './separate.js';

/** Groups that are remembered: lists have most of theirs in common with others. */
const mostGroups = 2 ** 16;

/** Makes the list of some regions in one family, of lines of one store, and what lists are made of for who asks. */
export interface ListMaker<L extends object> {
  readonly list: (regions: readonly PacketRegion[]) => PlainList | SearchedList;
  readonly form: (line: MatchLine) => L;
}

/** What may be anything that permits the regions. */
export interface SearchedList {
  readonly lines: readonly MatchLine[];
  readonly gaps: null;
}

/** A region as far as one family goes. */
interface Member<L> {
  readonly region: PacketRegion;
  /** Equal regions have the same. */
  readonly number: number;
  readonly place: Place;
  /** The group that consists of this alone, once asked for. */
  alone: Group<L> | null;
}

/** Where some addresses are. */
interface Place {
  /** The smallest that holds them. */
  readonly block: Block;
  /** The block and the one beside it. */
  readonly around: Interval<bigint>;
}

/** Members that stand near one another. */
interface Neighbourhood<L> {
  readonly place: Place;
  readonly members: readonly Member<L>[];
}

/** A set of addresses, and what is wanted of it, which is never much. */
interface AddressesOfRegions {
  place: Place | null;
  readonly regions: { readonly demand: number; readonly number: number }[];
}

/** Regions that have a list of their own. */
interface Group<L> {
  readonly members: readonly Member<L>[];
  readonly lines: readonly L[];
  /** Whether no line speaks of addresses that are not around the members; until somebody asks, the lines. */
  reach: 'contained' | 'wide' | readonly MatchLine[];
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
export class GroupedList<L extends object> {
  private readonly members = new WeakMap<PacketRegion, Member<L> | 'none'>();
  private readonly groups = new NumberListMap<Group<L>>(mostGroups);
  /** By number of the line. */
  private readonly formed: L[] = [];
  /** What regions want, numbered. */
  private readonly demands = new Map<string, number>();
  /** By number of the set. */
  private readonly sets: AddressesOfRegions[] = [];
  private numbered = 0;
  private readonly bits: number;

  constructor(
    private readonly table: AddressTable,
    private readonly maker: ListMaker<L>,
  ) {
    this.bits = bitsOf(table.family);
  }

  /** One for each group, in order of address. */
  listsOf(regions: readonly PacketRegion[]): readonly (readonly L[])[] {
    const members: Member<L>[] = [];
    for (const region of regions) {
      const member = this.memberOf(region);
      if (member !== 'none') members.push(member);
    }
    const near = this.neighbourhoods(members);
    const [only] = near;
    if (near.length === 1) return [this.groupOf(only!.members).lines];
    const groups = this.joined(near.map((one) => this.groupOf(one.members)));
    const wide = groups.filter((group) => !this.isContained(group));
    if (wide.length === 0) return groups.map(({ lines }) => lines);
    // Only one list can have the last word about everything.
    const last = wide.length === 1 ? wide[0]! : this.groupOf(wide.flatMap((group) => group.members));
    const contained = groups.filter((group) => this.isContained(group));
    return [...contained, last].map(({ lines }) => lines);
  }

  /** `none`: the region wants nothing in this family. */
  private memberOf(region: PacketRegion): Member<L> | 'none' {
    const known = this.members.get(region);
    if (known) return known;
    const made = this.newMember(region);
    this.members.set(region, made);
    return made;
  }

  private newMember(region: PacketRegion): Member<L> | 'none' {
    const addresses = familyOf(region.addresses, this.table.family);
    if (addresses.length === 0) return 'none';
    const set = this.table.number(addresses);
    while (this.sets.length <= set) this.sets.push({ place: null, regions: [] });
    const known = this.sets[set]!;
    known.place ??= this.placeOf(blockAround(addresses[0]!.first, addresses.at(-1)!.last));
    return { region, number: this.numberOf(known, region), place: known.place, alone: null };
  }

  private numberOf({ regions }: AddressesOfRegions, { services, sourcePorts, established }: PacketRegion): number {
    const ports = sourcePorts ? textOfIntervals(sourcePorts) : 'any';
    const text = `${textOfIntervals(services)} ${ports} ${established === true}`;
    const demand = this.demands.get(text) ?? this.demands.size;
    this.demands.set(text, demand);
    const known = regions.find((one) => one.demand === demand);
    if (known) return known.number;
    regions.push({ demand, number: this.numbered });
    return this.numbered++;
  }

  private groupOf(members: readonly Member<L>[]): Group<L> {
    const [first] = members;
    if (members.length === 1) return (first!.alone ??= this.known(members));
    return this.known(members);
  }

  private known(members: readonly Member<L>[]): Group<L> {
    const numbers = members.map(({ number }) => number);
    return this.groups.getOrAdd(numbers, () => {
      const { lines, gaps } = this.maker.list(members.map(({ region }) => region));
      // Permits of the members' own prefixes are around them.
      return { members, lines: lines.map((line) => this.formOf(line)), reach: gaps ? 'contained' : lines, gaps };
    });
  }

  /** Lists share most of their lines. */
  private formOf(line: MatchLine): L {
    const number = storedNumber(line);
    return number === null ? this.maker.form(line) : (this.formed[number] ??= this.maker.form(line));
  }

  private isContained(group: Group<L>): boolean {
    if (typeof group.reach !== 'string')
      group.reach = this.areAround(group.reach, group.members) ? 'contained' : 'wide';
    return group.reach === 'contained';
  }

  private areAround(lines: readonly MatchLine[], members: readonly Member<L>[]): boolean {
    const all = this.table.list(this.table.all);
    const near = this.neighbourhoods(members);
    return lines.every(({ destination }) =>
      near.some(({ place }) => (destination ?? all).every((range) => holds(place.around, range))),
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
  private neighbourhoods(members: readonly Member<L>[]): readonly Neighbourhood<L>[] {
    const sorted = members.toSorted(byFirstAddress);
    /** Where each begins among the sorted, and where it is. */
    const found: { start: number; place: Place }[] = [];
    for (let i = 0; i < sorted.length; i++) {
      let start = i;
      let { place } = sorted[i]!;
      for (let top = found.at(-1); top && place.around.first <= top.place.around.last; top = found.at(-1)) {
        found.pop();
        start = top.start;
        place = this.placeOf(blockOfBoth(top.place.block, place.block));
      }
      found.push({ start, place });
    }
    return found.map(({ start, place }, i) => ({ place, members: sorted.slice(start, found[i + 1]?.start) }));
  }

  private placeOf(block: Block): Place {
    return { block, around: rangeOfBlock(blockOf(block.first, Math.min(block.free + 1, this.bits))) };
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
  const gaps = (kind: AxisKind, axis: Axis): number[] => bordersOfKind(kind, gapBorders(axis, table));
  return [
    ...[...openings].flatMap(([protocol, axis]) => gaps(openingKind(protocol), axis)),
    ...replies.flatMap(({ protocol, established, axis }) => gaps(replyKind(protocol, established), axis)),
  ];
}

function blockOfBoth(a: Block, b: Block): Block {
  const { first, free } = blockAround(a.first, b.first);
  return blockOf(first, Math.max(a.free, b.free, free));
}

const holds = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first <= b.first && b.last <= a.last;

const byFirstAddress = <L>({ place: { block: a } }: Member<L>, { place: { block: b } }: Member<L>): number =>
  a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
