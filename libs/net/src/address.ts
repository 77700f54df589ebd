import ipaddr from 'ipaddr.js';
import { ipv6Value, readIpv4, readIpv6 } from './address-bytes.js';
import { IntervalAlgebra, type Interval } from './interval.js';

export type Family = 4 | 6;

/** An IP address as a number: 32 bits for family 4, 128 bits for family 6. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Consecutive addresses of one family. */
export interface AddressRange extends Interval<bigint> {
  readonly family: Family;
}

/** `address/length` with no host bits set. */
export interface Prefix {
  readonly family: Family;
  readonly value: bigint;
  readonly length: number;
}

/** A set of addresses: per family a canonical interval list. */
export interface AddressSet {
  readonly v4: readonly Interval<bigint>[];
  readonly v6: readonly Interval<bigint>[];
}

export const families: readonly Family[] = [4, 6];
export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);
export const maxOf = (family: Family): bigint => (1n << BigInt(bitsOf(family))) - 1n;
export const addressAlgebra = new IntervalAlgebra<bigint>(1n);
export const noAddresses: AddressSet = { v4: [], v6: [] };
export const allAddresses: AddressSet = {
  v4: [{ first: 0n, last: maxOf(4) }],
  v6: [{ first: 0n, last: maxOf(6) }],
};

/** The longest text without a dotted tail, and the bytes that it means. */
const characters = new Uint8Array(39);
const octets = new DataView(new ArrayBuffer(16));

/** Strict: four decimal octets without leading zeros, or RFC 4291 text. A zone id or a v4-mapped address gives `null`. */
export function parseAddress(text: string): Address | null {
  const { length } = text;
  if (length <= characters.length) {
    for (let i = 0; i < length; i++) characters[i] = Math.min(text.charCodeAt(i), 0xff);
    const v4 = readIpv4(characters, 0, length);
    if (v4 >= 0) return { family: 4, value: BigInt(v4) };
    if (readIpv6(characters, 0, length, octets)) return { family: 6, value: ipv6Value(octets) };
  }
  return text.includes('.') ? parseDottedTail(text) : null;
}

/** IPv6 with an IPv4 address at its end (RFC 4291 §2.2, form 3). */
function parseDottedTail(text: string): Address | null {
  // The library tells a name from an address by throwing, which is slow.
  if (!/^[0-9a-f.:]+$/i.test(text) || !ipaddr.IPv6.isValid(text)) return null;
  const parsed = ipaddr.IPv6.parse(text);
  if (parsed.isIPv4MappedAddress()) return null;
  return { family: 6, value: parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) };
}

/** Dotted decimal, or the text of RFC 5952: small letters, no leading zeros, `::` for the first of the longest runs of zeros. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) {
    const number = Number(value);
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
  }
  const digits = value.toString(16).padStart(32, '0');
  const groups = Array.from({ length: 8 }, (_, i) => digits.slice(i * 4, i * 4 + 4).replace(/^0{1,3}/, ''));
  let start = 0;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > longest) [start, longest] = [i, end - i];
    if (end > i) i = end;
  }
  if (longest === 1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`;
}

export type PrefixProblem = 'not-an-address' | 'bad-length' | 'host-bits' | 'v4-mapped';

/** Reads `10.1.0.0/16` or a lone address (a host prefix). Host bits are a problem, not something to round away. */
export function parsePrefix(text: string): Prefix | PrefixProblem {
  const [head = '', tail, ...rest] = text.split('/');
  const address = parseAddress(head);
  if (!address && ipaddr.IPv6.isValid(head) && ipaddr.IPv6.parse(head).isIPv4MappedAddress()) return 'v4-mapped';
  if (!address || rest.length > 0) return 'not-an-address';
  const bits = bitsOf(address.family);
  if (tail !== undefined && !/^(0|[1-9]\d{0,2})$/.test(tail)) return 'bad-length';
  const length = tail === undefined ? bits : Number(tail);
  if (length > bits) return 'bad-length';
  const hostBits = (1n << BigInt(bits - length)) - 1n;
  return (address.value & hostBits) === 0n ? { ...address, length } : 'host-bits';
}

export function formatPrefix(prefix: Prefix): string {
  return prefix.length === bitsOf(prefix.family) ? formatAddress(prefix) : `${formatAddress(prefix)}/${prefix.length}`;
}

export function rangeOfPrefix({ family, value, length }: Prefix): AddressRange {
  return { family, first: value, last: value | ((1n << BigInt(bitsOf(family) - length)) - 1n) };
}

/** The fewest prefixes that cover exactly this range, in address order. */
export function prefixesOfRange({ family, first, last }: AddressRange): Prefix[] {
  const out: Prefix[] = [];
  const bits = bitsOf(family);
  for (let from = first; from <= last;) {
    let size = 0;
    while (size < bits) {
      const block = (1n << BigInt(size + 1)) - 1n;
      if ((from & block) !== 0n || (from | block) > last) break;
      size++;
    }
    out.push({ family, value: from, length: bits - size });
    from += 1n << BigInt(size);
  }
  return out;
}

/** `10.1.0.0/16`, `10.0.0.1` or `10.0.0.1-10.0.0.9`. */
export function formatRange(range: AddressRange): string {
  const [prefix, ...more] = prefixesOfRange(range);
  if (prefix && more.length === 0) return formatPrefix(prefix);
  const at = (value: bigint): string => formatAddress({ family: range.family, value });
  return `${at(range.first)}-${at(range.last)}`;
}

/** The inverse of `formatRange`; `null` when the text is none. */
export function parseRange(text: string): AddressRange | null {
  const dash = text.indexOf('-');
  if (dash < 0) {
    const prefix = parsePrefix(text);
    return typeof prefix === 'string' ? null : rangeOfPrefix(prefix);
  }
  const first = parseAddress(text.slice(0, dash));
  const last = parseAddress(text.slice(dash + 1));
  if (!first || !last || first.family !== last.family || first.value > last.value) return null;
  return { family: first.family, first: first.value, last: last.value };
}

export function addressSet(ranges: readonly AddressRange[]): AddressSet {
  const of = (family: Family) => addressAlgebra.normalize(ranges.filter((range) => range.family === family));
  return { v4: of(4), v6: of(6) };
}

export function rangesOf(set: AddressSet): AddressRange[] {
  return families.flatMap((family) => familyOf(set, family).map(({ first, last }) => ({ family, first, last })));
}

export function familyOf(set: AddressSet, family: Family): readonly Interval<bigint>[] {
  return family === 4 ? set.v4 : set.v6;
}

const lift =
  (combine: (a: readonly Interval<bigint>[], b: readonly Interval<bigint>[]) => Interval<bigint>[]) =>
  (a: AddressSet, b: AddressSet): AddressSet => ({ v4: combine(a.v4, b.v4), v6: combine(a.v6, b.v6) });

export const unionAddresses = lift((a, b) => addressAlgebra.union(a, b));
export const intersectAddresses = lift((a, b) => addressAlgebra.intersect(a, b));
export const subtractAddresses = lift((a, b) => addressAlgebra.subtract(a, b));

export function hasAddress(set: AddressSet, address: Address): boolean {
  return addressAlgebra.contains(familyOf(set, address.family), address.value);
}

export function isEmptyAddressSet(set: AddressSet): boolean {
  return set.v4.length === 0 && set.v6.length === 0;
}
