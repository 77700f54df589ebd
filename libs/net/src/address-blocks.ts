import type { Interval } from './interval.js';

/** 2^`free` addresses that begin at a multiple of that: what a prefix says. */
export interface Block {
  readonly first: bigint;
  readonly free: number;
}

/** 2^0 … 2^128: shifting anew for each block is what would cost. */
export const powers: readonly bigint[] = Array.from({ length: 129 }, (_, i) => 1n << BigInt(i));

/** The smallest block that holds two addresses, and all between them. */
export function blockAround(first: bigint, last: bigint): Block {
  return blockOf(first, width(first ^ last));
}

/** The block of a size that holds an address. */
export const blockOf = (address: bigint, free: number): Block => ({
  first: address & ~(powers[free]! - 1n),
  free,
});

export const rangeOfBlock = ({ first, free }: Block): Interval<bigint> => ({ first, last: first + powers[free]! - 1n });

/** Bits of a number, without leading zeros. */
export function width(value: bigint): number {
  let bits = 0;
  let rest = value;
  for (; rest > 0xffff_ffffn; rest >>= 32n) bits += 32;
  return bits + 32 - Math.clz32(Number(rest));
}
