import { hexDigit } from './hex.js';

/* Addresses between two places of a text that is bytes: they come by the million, and make no object on the way. */

const colon = 0x3a;

/** Four decimal octets without leading zeros, as an unsigned number; -1 for anything else. */
export function readIpv4(text: Uint8Array, from: number, to: number): number {
  let value = 0;
  let octet = -1;
  let octets = 1;
  for (let at = from; at < to; at++) {
    const code = text[at]!;
    if (code === 0x2e) {
      if (octet < 0 || octets === 4) return -1;
      value = value * 256 + octet;
      octet = -1;
      octets++;
    } else if (code < 0x30 || code > 0x39 || octet === 0) return -1;
    else {
      octet = octet < 0 ? code - 0x30 : octet * 10 + code - 0x30;
      if (octet > 255) return -1;
    }
  }
  return octets === 4 && octet >= 0 ? value * 256 + octet : -1;
}

/**
 * Groups of hex digits, with `::` or without (RFC 4291 §2.2, forms 1 and 2), into 16 bytes in network order; false for anything
 * else, v4-mapped addresses included, of which the bytes say nothing. The third form, with an IPv4 address at its end, is not
 * read here.
 */
export function readIpv6(text: Uint8Array, from: number, to: number, out: DataView): boolean {
  let at = from;
  let groups = 0;
  /** How many groups stand before the `::`. */
  let gap = -1;
  if (to - from >= 2 && text[from] === colon && text[from + 1] === colon) {
    gap = 0;
    at += 2;
  }
  while (at < to) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text[at]!); digit < 16; digit = at < to ? hexDigit(text[at]!) : 16) {
      group = (group << 4) | digit;
      at++;
    }
    if (at === start || at - start > 4 || groups === 8) return false;
    out.setUint16(2 * groups++, group);
    if (at === to) break;
    if (text[at] !== colon || ++at === to) return false;
    if (text[at] !== colon) continue;
    if (gap >= 0) return false;
    gap = groups;
    at++;
  }
  // A `::` stands for one group of zeros at least.
  if ((groups === 8) !== gap < 0) return false;
  const zeros = 8 - groups;
  if (zeros > 0) {
    for (let i = groups - 1; i >= gap; i--) out.setUint16(2 * (i + zeros), out.getUint16(2 * i));
    for (let i = gap; i < gap + zeros; i++) out.setUint16(2 * i, 0);
  }
  return !(out.getUint32(0) === 0 && out.getUint32(4) === 0 && out.getUint32(8) === 0xffff);
}

export const ipv6Value = (bytes: DataView): bigint => (bytes.getBigUint64(0) << 64n) | bytes.getBigUint64(8);
