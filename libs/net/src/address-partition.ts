import { NumberListMap } from '#base';
import { AddressIndex } from './address-index.js';
import { addressSet, families, familyOf, type Address, type AddressRange, type AddressSet } from './address.js';
import { textOfIntervals, type Interval } from './interval.js';
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
  /** Of the atoms; made for who asks about an address, which no compilation does. */
  private index: AddressIndex | null = null;
  private readonly unions = new Map<string, AddressSet>();

  constructor(sets: readonly AddressSet[]) {
    const numbers = new NumberListMap<number>();
    const ranges: AddressRange[][] = [];
    const holders: (readonly number[])[] = [];
    for (const family of families) {
      for (const { first, last, members } of sweep(
        sets.map((set) => familyOf(set, family)),
        1n,
      )) {
        const atom = numbers.getOrAdd(members, () => {
          holders.push(members);
          return ranges.push([]) - 1;
        });
        ranges[atom]!.push({ family, first, last });
      }
    }
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
    this.index ??= new AddressIndex(this.atoms);
    const found = this.index.find(address);
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
    const key = textOfIntervals(atoms);
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
