import { familyOf, type Address, type AddressSet, type Family } from '#net';
import type { Snapshot } from '#policy';

/**
 * Divides all addresses where any endpoint or segment of either policy begins or ends: within a cell, policy can't tell two
 * addresses apart. A lookup is a binary search, so that a million addresses cost no set algebra.
 */
export class AddressCells {
  private readonly v4: readonly number[];
  private readonly v6: readonly bigint[];

  constructor(...snapshots: readonly Snapshot[]) {
    const sets = snapshots.flatMap(({ endpoints, segments }) => [
      ...endpoints.map(({ addresses }) => addresses),
      ...segments.flatMap(({ sites }) => sites.map(({ prefixes }) => prefixes)),
    ]);
    this.v4 = bordersOf(sets, 4).map(Number);
    this.v6 = bordersOf(sets, 6);
  }

  ofV4(value: number): number {
    return lastAtOrBelow(this.v4, value);
  }

  ofV6(value: bigint): number {
    return this.v4.length + lastAtOrBelow(this.v6, value);
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
