import { families, type Family } from '../address.js';
import type { Abilities, MatchLine, PacketRegion } from './abilities.js';
import { AddressTable } from './address-table.js';
import { wantedAxes } from './axes.js';
import { FamilyList } from './family-list.js';
import { permitsExactly } from './proof.js';
import { tidyLines } from './tidy.js';

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

  constructor(private readonly abilities: Abilities) {
    this.tables = { 4: new AddressTable(4, abilities), 6: new AddressTable(6, abilities) };
  }

  minimise(regions: readonly PacketRegion[]): readonly MatchLine[] | null {
    if (!this.abilities.established && regions.some(({ established }) => established)) return null;
    const shortest = this.listBy((list, axes) => list.shortest(axes), regions);
    const tidied = tidyLines(shortest, this.abilities);
    if (permitsExactly(tidied, regions, this.tables)) return tidied;
    const plain = this.listBy((list, axes) => list.plain(axes), regions);
    if (permitsExactly(plain, regions, this.tables)) return plain;
    throw new Error('no list of entries was found that permits exactly what it must');
  }

  private listBy(
    make: (list: FamilyList, axes: ReturnType<typeof wantedAxes>) => readonly MatchLine[],
    regions: readonly PacketRegion[],
  ): readonly MatchLine[] {
    return families.flatMap((family) => {
      const table = this.tables[family];
      return make(new FamilyList(table, this.abilities), wantedAxes(regions, table));
    });
  }
}
