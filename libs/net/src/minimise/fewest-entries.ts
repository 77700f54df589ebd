import { families, type Family } from '../address.js';
import type { Abilities, MatchLine, PacketRegion } from './abilities.js';
import { AddressTable } from './address-table.js';
import { wantedAxes, type WantedAxes } from './axes.js';
import { FamilyList } from './family-list.js';
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
  return new EntryMinimiser(abilities).minimise(regions);
}

/** The same for many lists that share addresses: what was found of a set of addresses is kept while this lives. */
export class EntryMinimiser {
  private readonly tables: Readonly<Record<Family, AddressTable>>;
  private readonly lists: Readonly<Record<Family, FamilyList>>;

  constructor(private readonly abilities: Abilities) {
    this.tables = { 4: new AddressTable(4, abilities), 6: new AddressTable(6, abilities) };
    this.lists = { 4: new FamilyList(this.tables[4], abilities), 6: new FamilyList(this.tables[6], abilities) };
  }

  minimise(regions: readonly PacketRegion[]): readonly MatchLine[] | null {
    if (!this.abilities.established && regions.some(({ established }) => established)) return null;
    const short = this.tidied(this.listsBy(regions, (list, axes) => list.shortest(axes)));
    const ways = byCount([short, ...this.joined(regions)], this.abilities);
    const proved = ways.find((lines) => permitsExactly(lines, regions, this.tables));
    if (proved) return proved;
    const plain = this.listsBy(regions, (list, axes) => list.plain(axes)).flat();
    if (permitsExactly(plain, regions, this.tables)) return plain;
    throw new Error('no list of entries was found that permits exactly what it must');
  }

  /** Where lines hold several values, the plain list may be joined to fewer: what was shared can't be joined any more. */
  private joined(regions: readonly PacketRegion[]): (readonly MatchLine[])[] {
    if (hasSingleValues(this.abilities)) return [];
    const lists = this.listsBy(regions, (list, axes) => list.plain(axes));
    return lists.flat().length > mostJoined ? [] : [this.tidied(lists)];
  }

  private tidied(lists: readonly (readonly MatchLine[])[]): readonly MatchLine[] {
    if (this.abilities.families === 'both') return tidyLines(lists.flat(), this.abilities);
    const [v4 = [], v6 = []] = lists.map((list) => tidyLines(list, this.abilities));
    return sideBySide(v4, v6);
  }

  private listsBy(regions: readonly PacketRegion[], make: MakeList): (readonly MatchLine[])[] {
    return families.map((family) => {
      return make(this.lists[family], wantedAxes(regions, this.tables[family]));
    });
  }
}

/** Longer plain lists name protocol by protocol what one line says. */
const mostJoined = 500;

type MakeList = (list: FamilyList, axes: WantedAxes) => readonly MatchLine[];

const byCount = (ways: readonly (readonly MatchLine[])[], abilities: Abilities): (readonly MatchLine[])[] =>
  [...ways].sort((a, b) => countLines(a, abilities) - countLines(b, abilities));
