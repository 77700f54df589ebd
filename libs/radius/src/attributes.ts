import { formatAddress } from '#net';
import { ciscoAvPair, types, vendors } from './dictionary.js';
import type { Attribute } from './packet.js';

/*
 * Reading values. The readers of one value take the first attribute of that type; a value of the wrong length is as good as
 * absent (`null`), for the caller has to deal with an absent one anyway.
 */

type Attributes = readonly Attribute[];

export function readOctets(attributes: Attributes, type: number): Buffer | null {
  for (let i = 0; i < attributes.length; i++) if (attributes[i]!.type === type) return attributes[i]!.value;
  return null;
}

export function readAll(attributes: Attributes, type: number): Buffer[] {
  return attributes.filter((attribute) => attribute.type === type).map(({ value }) => value);
}

function isPrintableAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return false;
  return true;
}

/** UTF-8 without the NUL that some switches end it with; control characters, which no store or log should meet, give U+FFFD. */
export function decodeTextIn(bytes: Buffer, start: number, end: number): string {
  if (isPrintableAscii(bytes, start, end)) return bytes.toString('latin1', start, end);
  return bytes
    .toString('utf8', start, end)
    .replace(/\0+$/, '')
    .replaceAll(/\p{Cc}/gu, '\u{fffd}');
}

export const decodeText = (value: Buffer): string => decodeTextIn(value, 0, value.length);

export function readText(attributes: Attributes, type: number): string | null {
  const value = readOctets(attributes, type);
  return value && decodeText(value);
}

export function readInteger(attributes: Attributes, type: number): number | null {
  const value = readOctets(attributes, type);
  return value?.length === 4 ? value.readUInt32BE() : null;
}

/** Seconds since 1970 (RFC 2869 §5.3). */
export function readDate(attributes: Attributes, type: number): Date | null {
  const seconds = readInteger(attributes, type);
  return seconds === null ? null : new Date(seconds * 1000);
}

/** Address text in canonical form, 4 or 16 bytes. */
export function decodeAddress(value: Buffer): string | null {
  if (value.length === 4) return `${value[0]}.${value[1]}.${value[2]}.${value[3]}`;
  if (value.length !== 16) return null;
  return formatAddress({ family: 6, value: BigInt(`0x${value.toString('hex')}`) });
}

export function readIpv4(attributes: Attributes, type: number): string | null {
  const value = readOctets(attributes, type);
  return value?.length === 4 ? decodeAddress(value) : null;
}

export function readIpv6(attributes: Attributes, type: number): string | null {
  const value = readOctets(attributes, type);
  return value?.length === 16 ? decodeAddress(value) : null;
}

/** Reserved, prefix length, then only as many bytes as the sender cared for (RFC 3162 §2.3). Host bits give `null`. */
export function decodeIpv6Prefix(value: Buffer): string | null {
  const length = value[1];
  if (value.length < 2 || value.length > 18 || length === undefined || length > 128) return null;
  const bytes = Buffer.concat([value.subarray(2)], 16);
  const bits = BigInt(`0x${bytes.toString('hex')}`);
  if (value.length - 2 < Math.ceil(length / 8) || (bits & ((1n << BigInt(128 - length)) - 1n)) !== 0n) return null;
  return `${formatAddress({ family: 6, value: bits })}/${length}`;
}

export interface Tagged<T> {
  /** 1 … 31; 0 when there is none. */
  readonly tag: number;
  readonly value: T;
}

/** RFC 2868 §3.1: a first byte up to 0x1F is the tag, a greater one is the string's first character. */
export function decodeTaggedText(value: Buffer): Tagged<string> {
  const first = value[0];
  if (first === undefined || first > 0x1f) return { tag: 0, value: decodeText(value) };
  return { tag: first, value: decodeText(value.subarray(1)) };
}

/** A tag byte, always, and three bytes of value. */
export function decodeTaggedInteger(value: Buffer): Tagged<number> | null {
  return value.length === 4 ? { tag: value[0]!, value: value.readUIntBE(1, 3) } : null;
}

export function readTaggedText(attributes: Attributes, type: number): Tagged<string> | null {
  const value = readOctets(attributes, type);
  return value && decodeTaggedText(value);
}

export function readTaggedInteger(attributes: Attributes, type: number): Tagged<number> | null {
  const value = readOctets(attributes, type);
  return value && decodeTaggedInteger(value);
}

/** One value that was split over several attributes (EAP-Message, RFC 3579 §3.1; NAS-Filter-Rule, RFC 4849 §2). */
export function readConcatenated(attributes: Attributes, type: number): Buffer | null {
  const parts = readAll(attributes, type);
  return parts.length === 0 ? null : Buffer.concat(parts);
}

export interface VendorAttribute {
  readonly vendor: number;
  readonly type: number;
  readonly value: Buffer;
}

/**
 * The sub-attributes of one Vendor-Specific (RFC 2865 §5.26): vendor, then type, length, value, one or several. Vendors that
 * use another layout, and broken ones, give `null`: the attribute stays opaque.
 */
export function decodeVendorSpecific(value: Buffer): VendorAttribute[] | null {
  if (value.length < 7) return null;
  const vendor = value.readUInt32BE();
  const out: VendorAttribute[] = [];
  for (let at = 4; at < value.length;) {
    const size = value[at + 1] ?? 0;
    if (size < 2 || at + size > value.length) return null;
    out.push({ vendor, type: value[at]!, value: value.subarray(at + 2, at + size) });
    at += size;
  }
  return out;
}

export function readVendor(attributes: Attributes, vendor: number, type: number): Buffer[] {
  return readAll(attributes, types.vendorSpecific)
    .flatMap((value) => decodeVendorSpecific(value) ?? [])
    .filter((attribute) => attribute.vendor === vendor && attribute.type === type)
    .map(({ value }) => value);
}

/** Texts of all Cisco-AVPair, in order: `audit-session-id=0A000310…`. */
export function readCiscoAvPairs(attributes: Attributes): string[] {
  return readVendor(attributes, vendors.cisco, ciscoAvPair).map(decodeText);
}
