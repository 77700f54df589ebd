import {
  addressSet,
  families,
  familyOf,
  type Address,
  type AddressRange,
  type AddressSet,
  type Family,
} from './address.js';
import type { Interval } from './interval.js';
import { sweep } from './sweep.js';

/** Numbers of atoms as a canonical interval list: a large set of addresses is a short list. */
export type AtomSet = readonly Interval<number>[];

/**
 * Cuts all addresses into atoms: the largest sets of addresses that none of some given sets tells apart. Then each given set
 * is a list of small numbers, and what is true of one address of an atom is true of all. The atom of what is in none of the
 * sets has the number `rest`.
 */
export class AddressPartition {
  /** Atoms are numbered from 0 in order of their first address; `rest` is the last. */
  readonly rest: number;
  private readonly atoms: AddressSet[] = [];
  /** By given set. */
  private readonly members: AtomSet[];
  private readonly finders: Readonly<Record<Family, RangeIndex>>;
  private readonly unions = new Map<string, AddressSet>();

  constructor(sets: readonly AddressSet[]) {
    const numbers = new Map<string, number>();
    const ranges: AddressRange[][] = [];
    const holders: (readonly number[])[] = [];
    const indexes = families.map((family) => {
      const index = new RangeIndex(family);
      for (const { first, last, members } of sweep(
        sets.map((set) => familyOf(set, family)),
        1n,
      )) {
        const key = members.join();
        let atom = numbers.get(key);
        if (atom === undefined) {
          atom = ranges.length;
          numbers.set(key, atom);
          ranges.push([]);
          holders.push(members);
        }
        ranges[atom]!.push({ family, first, last });
        index.add(first, last, atom);
      }
      return index;
    });
    this.finders = { 4: indexes[0]!, 6: indexes[1]! };
    this.atoms = ranges.map(addressSet);
    this.rest = this.atoms.length;
    const lists: { first: number; last: number }[][] = sets.map(() => []);
    for (const [atom, members] of holders.entries()) {
      for (const set of members) {
        const list = lists[set]!;
        const top = list.at(-1);
        if (top?.last === atom - 1) top.last = atom;
        else list.push({ first: atom, last: atom });
      }
    }
    this.members = lists;
  }

  /** Atoms there are, without `rest`. */
  get count(): number {
    return this.atoms.length;
  }

  /** The atoms of a given set, by its place in the list. */
  atomsOf(set: number): AtomSet {
    return this.members[set]!;
  }

  atomOf(address: Address): number {
    const found = this.finders[address.family].find(address.value);
    return found < 0 ? this.rest : found;
  }

  /** The addresses of an atom; not of `rest`. */
  addressesOf(atom: number): AddressSet {
    return this.atoms[atom]!;
  }

  /** The addresses of some atoms; the same object for the same atoms. */
  union(atoms: AtomSet): AddressSet {
    const [only] = atoms;
    if (atoms.length === 1 && only!.first === only!.last) return this.atoms[only!.first]!;
    const key = atoms.map(({ first, last }) => `${first}-${last}`).join();
    let made = this.unions.get(key);
    if (!made) {
      const ranges: AddressRange[] = [];
      for (const { first, last } of atoms) {
        for (let atom = first; atom <= last; atom++) {
          const { v4, v6 } = this.atoms[atom]!;
          for (const range of v4) ranges.push({ family: 4, ...range });
          for (const range of v6) ranges.push({ family: 6, ...range });
        }
      }
      made = addressSet(ranges);
      this.unions.set(key, made);
    }
    return made;
  }
}

/** Disjoint ranges of one family in ascending order, each with its atom. IPv4 as numbers: bigints would cost. */
class RangeIndex {
  private readonly narrow: { first: number; last: number; atom: number }[] = [];
  private readonly wide: { first: bigint; last: bigint; atom: number }[] = [];

  constructor(private readonly family: Family) {}

  add(first: bigint, last: bigint, atom: number): void {
    if (this.family === 4) this.narrow.push({ first: Number(first), last: Number(last), atom });
    else this.wide.push({ first, last, atom });
  }

  /** −1 for an address in no range. */
  find(value: bigint): number {
    return this.family === 4 ? this.findNarrow(Number(value)) : this.findWide(value);
  }

  private findNarrow(value: number): number {
    let low = 0;
    let high = this.narrow.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last, atom } = this.narrow[middle]!;
      if (value < first) high = middle - 1;
      else if (value > last) low = middle + 1;
      else return atom;
    }
    return -1;
  }

  private findWide(value: bigint): number {
    let low = 0;
    let high = this.wide.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last, atom } = this.wide[middle]!;
      if (value < first) high = middle - 1;
      else if (value > last) low = middle + 1;
      else return atom;
    }
    return -1;
  }
}
