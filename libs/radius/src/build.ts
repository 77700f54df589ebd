import { parseAddress } from '#net';
import { ciscoAvPair, types, vendors } from './dictionary.js';
import { maxValueLength, type Attribute } from './packet.js';

/* Building attributes. What doesn't fit is a bug of the caller, or was to be checked at compile time: it throws. */

/** A Vendor-Specific spends six bytes on vendor, type and length (RFC 2865 §5.26). */
export const maxVendorValueLength = maxValueLength - 6;

export function octetsAttribute(type: number, value: Buffer): Attribute {
  if (!Number.isInteger(type) || type < 1 || type > 255) throw new RangeError(`${type} is no attribute type`);
  if (value.length > maxValueLength)
    throw new RangeError(`attribute ${type} has ${value.length} bytes, at most ${maxValueLength} fit`);
  return { type, value };
}

export function textAttribute(type: number, text: string): Attribute {
  return octetsAttribute(type, Buffer.from(text, 'utf8'));
}

export function integerAttribute(type: number, value: number): Attribute {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return octetsAttribute(type, bytes);
}

export function dateAttribute(type: number, at: Date): Attribute {
  return integerAttribute(type, Math.floor(at.getTime() / 1000));
}

function addressBytes(text: string, family: 4 | 6): Buffer {
  const address = parseAddress(text);
  if (address?.family !== family) throw new RangeError(`\`${text}\` is no IPv${family} address`);
  return Buffer.from(address.value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
}

export function ipv4Attribute(type: number, text: string): Attribute {
  return octetsAttribute(type, addressBytes(text, 4));
}

export function ipv6Attribute(type: number, text: string): Attribute {
  return octetsAttribute(type, addressBytes(text, 6));
}

/** RFC 2868 §3.1: the tag byte is always there. */
export function taggedIntegerAttribute(type: number, tag: number, value: number): Attribute {
  const bytes = Buffer.alloc(4);
  bytes.writeUIntBE(value, 1, 3);
  bytes.writeUInt8(checkTag(tag), 0);
  return octetsAttribute(type, bytes);
}

/** RFC 2868 §3.6: tag 0 means no tag byte, provided that the text's first byte can't be taken for one. */
export function taggedTextAttribute(type: number, tag: number, text: string): Attribute {
  const bytes = Buffer.from(text, 'utf8');
  if (checkTag(tag) > 0) return octetsAttribute(type, Buffer.concat([Buffer.from([tag]), bytes]));
  if ((bytes[0] ?? 0) <= 0x1f) throw new RangeError('untagged text starts with a printable character');
  return octetsAttribute(type, bytes);
}

function checkTag(tag: number): number {
  if (!Number.isInteger(tag) || tag < 0 || tag > 0x1f) throw new RangeError(`${tag} is no tag`);
  return tag;
}

export function vendorAttribute(vendor: number, type: number, value: Buffer): Attribute {
  if (value.length > maxVendorValueLength)
    throw new RangeError(`vendor attribute has ${value.length} bytes, at most ${maxVendorValueLength} fit`);
  const head = Buffer.alloc(6);
  head.writeUInt32BE(vendor);
  head.writeUInt8(type, 4);
  head.writeUInt8(value.length + 2, 5);
  return octetsAttribute(types.vendorSpecific, Buffer.concat([head, value]));
}

export function vendorTextAttribute(vendor: number, type: number, text: string): Attribute {
  return vendorAttribute(vendor, type, Buffer.from(text, 'utf8'));
}

export function vendorIntegerAttribute(vendor: number, type: number, value: number): Attribute {
  return vendorAttribute(vendor, type, integerAttribute(types.vendorSpecific, value).value);
}

export function ciscoAvPairAttribute(text: string): Attribute {
  return vendorAttribute(vendors.cisco, ciscoAvPair, Buffer.from(text, 'utf8'));
}

/** Splits a long value over consecutive attributes (EAP-Message, NAS-Filter-Rule); an empty value gives none. */
export function concatenatedAttributes(type: number, value: Buffer): Attribute[] {
  const out: Attribute[] = [];
  for (let at = 0; at < value.length; at += maxValueLength)
    out.push(octetsAttribute(type, value.subarray(at, at + maxValueLength)));
  return out;
}
