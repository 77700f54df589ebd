import { assertNever } from '#base';
import {
  decodeAddress,
  decodeIpv6Prefix,
  decodeTaggedInteger,
  decodeTaggedText,
  decodeText,
  decodeVendorSpecific,
  type VendorAttribute,
} from './attributes.js';
import {
  attributeNames,
  ciscoAvPair,
  vendors,
  types,
  valueNames,
  vendorAttributeNames,
  vendorNames,
  type AttributeKind,
} from './dictionary.js';
import type { Attribute } from './packet.js';

export interface DescribedAttribute {
  readonly name: string;
  readonly value: string;
}

const hidden = '<hidden>';
const hex = (value: Buffer): string => (value.length === 0 ? '' : `0x${value.toString('hex')}`);

/**
 * An attribute for people: RFC name and decoded value, one line, no secrets. What has no known form is shown in hex. A
 * vendor's sub-attributes come joined by `; ` when there are several.
 */
export function describeAttribute({ type, value }: Attribute): DescribedAttribute {
  const [name, kind] = attributeNames.get(type) ?? [`Attribute-${type}`, 'octets' as const];
  if (kind !== 'vendor') return { name, value: describeValue(type, kind, value) };
  const parts = decodeVendorSpecific(value)?.map(describeVendorAttribute);
  const [first, ...more] = parts ?? [];
  if (!first) return describeOpaqueVendor(name, value);
  if (more.length === 0) return first;
  return { name, value: [first, ...more].map((part) => `${part.name} = ${part.value}`).join('; ') };
}

/** Not laid out as sub-attributes: its content is unknown, and one vendor keeps keys there. */
function describeOpaqueVendor(name: string, value: Buffer): DescribedAttribute {
  const vendor = value.length >= 4 ? value.readUInt32BE() : null;
  return { name, value: vendor === vendors.microsoft ? hidden : hex(value) };
}

function describeVendorAttribute({ vendor, type, value }: VendorAttribute): DescribedAttribute {
  const row = vendorAttributeNames.get(vendor)?.get(type);
  if (!row) {
    const name = `${vendorNames.get(vendor) ?? `Vendor-${vendor}`}-Attribute-${type}`;
    return { name, value: vendor === vendors.microsoft ? hidden : hex(value) };
  }
  const [name, kind] = row;
  if (vendor === vendors.cisco && type === ciscoAvPair) return { name, value: describeAvPair(decodeText(value)) };
  return { name, value: describeValue(null, kind, value) };
}

/** Some pairs carry keys: `psk=…`, `leap:session-key=…`. */
function describeAvPair(pair: string): string {
  return pair.replace(/^([^=*]*(?:psk|key|password|secret)[^=*]*[=*]).*$/i, `$1${hidden}`);
}

function describeValue(type: number | null, kind: AttributeKind, value: Buffer): string {
  switch (kind) {
    case 'secret':
      return hidden;
    case 'text':
      return type === types.nasFilterRule ? describeRules(value) : decodeText(value);
    case 'integer':
      return value.length === 4 ? nameOf(type, value.readUInt32BE()) : hex(value);
    case 'date':
      return value.length === 4 ? new Date(value.readUInt32BE() * 1000).toISOString() : hex(value);
    case 'ipv4':
      return (value.length === 4 ? decodeAddress(value) : null) ?? hex(value);
    case 'ipv6':
      return (value.length === 16 ? decodeAddress(value) : null) ?? hex(value);
    case 'ipv6-prefix':
      return decodeIpv6Prefix(value) ?? hex(value);
    case 'tagged-text': {
      const { tag, value: text } = decodeTaggedText(value);
      return tag === 0 ? text : `${text} (tag ${tag})`;
    }
    case 'tagged-integer': {
      const tagged = decodeTaggedInteger(value);
      if (!tagged) return hex(value);
      return tagged.tag === 0 ? nameOf(type, tagged.value) : `${nameOf(type, tagged.value)} (tag ${tagged.tag})`;
    }
    case 'egress-vlan':
      return describeEgressVlan(value);
    case 'octets':
    case 'vendor':
      return hex(value);
    default:
      return assertNever(kind);
  }
}

/** Rules are separated by NUL (RFC 4849 §2). */
function describeRules(value: Buffer): string {
  return value
    .toString('latin1')
    .replace(/\0$/, '')
    .split('\0')
    .map((rule) => decodeText(Buffer.from(rule, 'latin1')))
    .join(' | ');
}

/** RFC 4675 §2.1: 0x31 tagged, 0x32 untagged, then the id in the low 12 bits. */
function describeEgressVlan(value: Buffer): string {
  const kind = value[0] === 0x31 ? 'tagged' : value[0] === 0x32 ? 'untagged' : null;
  return value.length === 4 && kind ? `${value.readUInt32BE() & 0xfff} ${kind}` : hex(value);
}

function nameOf(type: number | null, value: number): string {
  return (type === null ? undefined : valueNames.get(type)?.[value]) ?? `${value}`;
}
