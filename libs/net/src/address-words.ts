import type { Address } from './address.js';

const view = new DataView(new ArrayBuffer(16));

/** Splits an address into 32-bit words for `word`, until the next call. Shifting a bigint allocates one for each word. */
export function splitAddress({ family, value }: Address): void {
  view.setBigUint64(8, value);
  if (family === 6) view.setBigUint64(0, value >> 64n);
}

/** A word of the address that was split last: 3 has the lowest bits. An IPv4 address is word 3; 0 and 1 are an older one's. */
export const word = (index: number): number => view.getUint32(4 * index);
