import { families, type Family } from '../address.js';
import type { Abilities, MatchLine, PacketRegion } from './abilities.js';
import { AddressTable } from './address-table.js';
import { wantedAxes } from './axes.js';
import { FamilyList } from './family-list.js';
import { GroupedList, type SearchedList } from './groups.js';
import type { PlainList } from './one-set.js';
import { permitsExactly } from './proof.js';
import { sideBySide } from './side-by-side.js';
import { hasSingleValues, tidyLines } from './tidy.js';
import { countLines } from './weight.js';

/**
 * A first-match list that permits exactly these packets, with as few lines as Cordon finds. The same regions always give
 * the same list. Null: the target can't say it at all.
 *
 * INVARIANT: no list leaves here that was not proved equal to the regions.
 */
export function fewestEntries(regions: readonly PacketRegion[], abilities: Abilities): readonly MatchLine[] | null {
  return new EntryMinimiser(abilities, (line) => line).minimise(regions);
}

/** The same for many lists that share addresses: what was found of a set of addresses is kept while this lives. */
export class EntryMinimiser<L extends object> {
  private readonly tables: Readonly<Record<Family, AddressTable>>;
  private readonly lists: Readonly<Record<Family, FamilyList>>;
  private readonly grouped: readonly GroupedList<L>[];

  /** `form`: what lists are made of, from the lines. */
  constructor(
    private readonly abilities: Abilities,
    private readonly form: (line: MatchLine) => L,
  ) {
    this.tables = { 4: new AddressTable(4, abilities), 6: new AddressTable(6, abilities) };
    this.lists = { 4: new FamilyList(this.tables[4], abilities), 6: new FamilyList(this.tables[6], abilities) };
    this.grouped = families.map(
      (family) => new GroupedList(this.tables[family], { list: (regions) => this.ofFamily(regions, family), form }),
    );
  }

  minimise(regions: readonly PacketRegion[]): readonly L[] | null {
    if (!this.abilities.established && regions.some(({ established }) => established)) return null;
    // Where lines hold several values, any two regions may share some.
    if (!hasSingleValues(this.abilities)) return this.proved(regions, families).map(this.form);
    return this.grouped.flatMap((list) => list.listsOf(regions)).flat();
  }

  private ofFamily(regions: readonly PacketRegion[], family: Family): PlainList | SearchedList {
    const plain = this.lists[family].ofOneSet(regions);
    if (plain && permitsExactly(plain.lines, regions, this.tables[family])) return plain;
    return { lines: this.proved(regions, [family]), gaps: null };
  }

  private proved(regions: readonly PacketRegion[], within: readonly Family[]): readonly MatchLine[] {
    const axes = within.map((family) => ({ family, axes: wantedAxes(regions, this.tables[family]) }));
    const short = axes.map((one) => this.lists[one.family].shortest(one.axes));
    const plain = (): MatchLine[][] => axes.map((one) => this.lists[one.family].plain(one.axes));
    const isExact = (lines: readonly MatchLine[]): boolean =>
      within.every((family) => permitsExactly(lines, regions, this.tables[family]));
    const ways = byCount([this.tidied(short), ...this.joined(plain)], this.abilities);
    const found = ways.find(isExact) ?? [plain().flat()].find(isExact);
    if (!found) throw new Error('no list of entries was found that permits exactly what it must');
    return found;
  }

  /** Where lines hold several values, the plain list may be joined to fewer: what was shared can't be joined any more. */
  private joined(plain: () => MatchLine[][]): (readonly MatchLine[])[] {
    if (hasSingleValues(this.abilities)) return [];
    const lists = plain();
    return lists.flat().length > mostJoined ? [] : [this.tidied(lists)];
  }

  /** `lists`: one of each family. */
  private tidied(lists: readonly (readonly MatchLine[])[]): readonly MatchLine[] {
    if (this.abilities.families === 'both') return tidyLines(lists.flat(), this.abilities);
    const [first = [], second] = lists.map((list) => tidyLines(list, this.abilities));
    return second ? sideBySide(first, second) : first;
  }
}

/** Longer plain lists name protocol by protocol what one line says. */
const mostJoined = 500;

const byCount = (ways: readonly (readonly MatchLine[])[], abilities: Abilities): (readonly MatchLine[])[] =>
  [...ways].sort((a, b) => countLines(a, abilities) - countLines(b, abilities));
