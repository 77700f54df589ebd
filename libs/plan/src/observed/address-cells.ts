import { familyOf, ipv6Value, type Address, type AddressSet, type Family } from '#net';
import type { Snapshot } from '#policy';

/**
 * Divides all addresses where any endpoint or segment of either policy begins or ends: within a cell, policy can't tell two
 * addresses apart. A lookup is a binary search, so that a million addresses cost no set algebra.
 */
export class AddressCells {
  private readonly v4: readonly number[];
  private readonly v6: readonly bigint[];
  /** Cell → the endpoints that hold it: their indexes in the list of both policies' endpoints, those of `before` first. */
  readonly holdersOf: readonly (readonly number[])[];
  /** Cell → a number that cells share which the same endpoints hold, in each of the policies. */
  readonly kindOf: readonly number[];

  constructor(before: Snapshot, after: Snapshot) {
    const snapshots = [before, after];
    const sets = snapshots.flatMap(({ endpoints, segments }) => [
      ...endpoints.map(({ addresses }) => addresses),
      ...segments.flatMap(({ sites }) => sites.map(({ prefixes }) => prefixes)),
    ]);
    this.v4 = bordersOf(sets, 4).map(Number);
    this.v6 = bordersOf(sets, 6);
    const holders = Array.from({ length: this.v4.length + this.v6.length }, (): number[] => []);
    for (const [i, { addresses }] of [...before.endpoints, ...after.endpoints].entries()) {
      for (const [first, last] of this.within(addresses))
        for (let cell = first; cell <= last; cell++) holders[cell]!.push(i);
    }
    this.holdersOf = holders;
    const kinds = new Map<string, number>();
    this.kindOf = holders.map((held) => {
      const key = held.join(' ');
      const kind = kinds.get(key) ?? kinds.size;
      kinds.set(key, kind);
      return kind;
    });
  }

  /** The cell of an address in network order, IPv4 as v4-mapped. */
  of(octets: DataView): number {
    const isV4 = octets.getBigUint64(0) === 0n && octets.getUint32(8) === 0xffff;
    return isV4 ? this.ofV4(octets.getUint32(12)) : this.ofV6(ipv6Value(octets));
  }

  private ofV4(value: number): number {
    return lastAtOrBelow(this.v4, value);
  }

  private ofV6(value: bigint): number {
    return this.v4.length + lastAtOrBelow(this.v6, value);
  }

  /** The cells of a set that no border cuts: first and last of neighbours. */
  private within(set: AddressSet): (readonly [number, number])[] {
    return [
      ...set.v4.map(({ first, last }) => [this.ofV4(Number(first)), this.ofV4(Number(last))] as const),
      ...set.v6.map(({ first, last }) => [this.ofV6(first), this.ofV6(last)] as const),
    ];
  }

  /** Some address of the cell. */
  addressIn(cell: number): Address {
    const isV4 = cell < this.v4.length;
    return isV4 ? { family: 4, value: BigInt(this.v4[cell]!) } : { family: 6, value: this.v6[cell - this.v4.length]! };
  }
}

function bordersOf(sets: readonly AddressSet[], family: Family): bigint[] {
  const borders = new Set<bigint>([0n]);
  for (const set of sets) {
    for (const { first, last } of familyOf(set, family)) borders.add(first).add(last + 1n);
  }
  return [...borders].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Index of the cell that holds the value; borders start at 0, so there is one. */
export function lastAtOrBelow<T extends number | bigint>(borders: readonly T[], value: T): number {
  let low = 0;
  let high = borders.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (borders[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
