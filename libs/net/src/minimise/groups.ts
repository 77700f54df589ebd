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

/** Makes the list of some regions in one family. */
export type ListOf = (regions: readonly PacketRegion[]) => readonly MatchLine[];

/** A region as far as one family goes. */
interface Member {
  readonly region: PacketRegion;
  readonly number: number;
  /** Around its addresses. */
  readonly block: Block;
}

/** Regions that stand near one another. */
interface Neighbourhood {
  readonly members: readonly Member[];
  readonly block: Block;
  /** The block and the one beside it. */
  readonly around: Interval<bigint>;
}

/** Regions that have a list of their own. */
interface Group {
  readonly members: readonly Member[];
  readonly lines: readonly MatchLine[];
  /** A number for each place where a gap between intervals of ports begins or ends. */
  readonly gaps: readonly number[];
  /** Whether no line speaks of addresses that are not around the members. */
  readonly isContained: boolean;
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
export class GroupedList {
  private readonly members = new WeakMap<PacketRegion, readonly Member[]>();
  private readonly groups = new NumberListMap<Group>(mostGroups);
  /** By what they want of which addresses. */
  private readonly numbers = new Map<number, number>();
  private readonly demands = new Map<string, number>();

  constructor(
    private readonly table: AddressTable,
    private readonly listOf: ListOf,
  ) {}

  /** In order of address. The same groups are the same object, as long as they are remembered. */
  partsOf(regions: readonly PacketRegion[]): readonly (readonly MatchLine[])[] {
    const near = this.neighbourhoods(regions.flatMap((region) => this.membersOf(region)));
    const groups = this.joined(near.map(({ members }) => this.groupOf(members)));
    const wide = groups.filter(({ isContained }) => !isContained);
    if (wide.length === 0) return groups.map(({ lines }) => lines);
    // Only one list can have the last word about everything.
    const last = wide.length === 1 ? wide[0]! : this.groupOf(wide.flatMap(({ members }) => members));
    const contained = groups.filter(({ isContained }) => isContained);
    return [...contained, last].map(({ lines }) => lines);
  }

  /** None where the region wants nothing in this family. */
  private membersOf(region: PacketRegion): readonly Member[] {
    return remembered(this.members, region, () => {
      const addresses = familyOf(region.addresses, this.table.family);
      if (addresses.length === 0) return [];
      const block = blockAround(addresses[0]!.first, addresses.at(-1)!.last);
      return [{ region, number: this.numberOf(this.table.number(addresses), region), block }];
    });
  }

  /** Equal regions have the same number. */
  private numberOf(set: number, { services, sourcePorts, established }: PacketRegion): number {
    const demand = `${textOf(services)} ${sourcePorts ? textOf(sourcePorts) : 'any'} ${established}`;
    const key = set * mostSets + numberOf(this.demands, demand);
    return numberOf(this.numbers, key);
  }

  private groupOf(members: readonly Member[]): Group {
    const numbers = members.map(({ number }) => number);
    return this.groups.getOrAdd(numbers, () => {
      const regions = members.map(({ region }) => region);
      const lines = this.listOf(regions);
      const gaps = gapsOf(wantedAxes(regions, this.table), this.table);
      return { members, lines, gaps, isContained: this.areAround(lines, members) };
    });
  }

  private areAround(lines: readonly MatchLine[], members: readonly Member[]): boolean {
    const near = this.neighbourhoods(members);
    const all = this.table.list(this.table.all);
    return lines.every(({ destination }) =>
      near.some(({ around }) => (destination ?? all).every((range) => holds(around, range))),
    );
  }

  /** In order of address. */
  private neighbourhoods(members: readonly Member[]): Neighbourhood[] {
    const bits = bitsOf(this.table.family);
    const found: Neighbourhood[] = [];
    const sorted = members.toSorted((a, b) => compare(a.block.first, b.block.first));
    for (const member of sorted) {
      let next = neighbourhood([member], member.block, bits);
      for (let top = found.at(-1); top && meets(top.around, next.around); top = found.at(-1)) {
        found.pop();
        next = neighbourhood([...top.members, ...next.members], blockOfTwo(top.block, next.block), bits);
      }
      found.push(next);
    }
    return found;
  }

  /** Groups that share a gap become one. */
  private joined(groups: readonly Group[]): readonly Group[] {
    const owners = new Map<number, number>();
    const clusters = new Clusters(groups.length);
    for (const [i, { gaps }] of groups.entries()) {
      for (const gap of gaps) {
        clusters.join(owners.get(gap) ?? i, i);
        owners.set(gap, i);
      }
    }
    if (clusters.areApart) return groups;
    return clusters
      .lists()
      .map((places) =>
        places.length === 1 ? groups[places[0]!]! : this.groupOf(places.flatMap((i) => groups[i]!.members)),
      );
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

const neighbourhood = (members: readonly Member[], block: Block, bits: number): Neighbourhood => ({
  members,
  block,
  around: rangeOfBlock(blockOf(block.first, Math.min(block.free + 1, bits))),
});

function blockOfTwo(a: Block, b: Block): Block {
  const { first, free } = blockAround(a.first, b.first);
  return blockOf(first, Math.max(a.free, b.free, free));
}

const meets = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first <= b.last && b.first <= a.last;

const holds = (a: Interval<bigint>, b: Interval<bigint>): boolean => a.first <= b.first && b.last <= a.last;

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
