import { decodeText, readVendor } from './attributes.js';
import { ciscoAvPair, vendors } from './dictionary.js';
import type { Attribute } from './packet.js';

/**
 * What a switch with Cisco's Device Sensor adds to accounting of what it heard from the device, one Cisco-AVPair for each:
 *
 *    d h c p - o p t i o n =   00 37   00 04   01 03 06 0f
 *    protocol                  type    length  value           (both of 2 octets)
 *
 * INVARIANT: the value is of the device, which may be anybody: it is no longer than the attribute (234 octets), it is whole or not taken,
 * and nothing in it keeps the record from being read.
 */
const fields = {
  'dhcp-class-identifier': ['dhcp-option=', 60],
  'dhcp-parameter-request-list': ['dhcp-option=', 55],
  'dhcp-host-name': ['dhcp-option=', 12],
  'lldp-system-name': ['lldp-tlv=', 5],
  'lldp-system-description': ['lldp-tlv=', 6],
} as const;

export type SensedField = keyof typeof fields;
/** By field, what the device said; one that it left out is not there. */
export type Sensed = { readonly [Field in SensedField]?: string };

const known = Object.entries(fields).map(([field, [name, type]]) => {
  const type16 = Buffer.alloc(2);
  type16.writeUInt16BE(type);
  return { field: field as SensedField, prefix: Buffer.concat([Buffer.from(name, 'latin1'), type16]) };
});

/** Null: nothing of what is known here. Of each field, the first that is whole counts. */
export function readDeviceSensor(attributes: readonly Attribute[]): Sensed | null {
  const sensed: { [Field in SensedField]?: string } = {};
  for (const pair of readVendor(attributes, vendors.cisco, ciscoAvPair)) {
    const found = known.find(({ prefix }) => pair.subarray(0, prefix.length).equals(prefix));
    if (!found || sensed[found.field] !== undefined) continue;
    const text = decodeValue(found.field, pair.subarray(found.prefix.length));
    if (text !== null) sensed[found.field] = text;
  }
  return Object.keys(sensed).length > 0 ? sensed : null;
}

/** Null: cut, too long, or empty. */
function decodeValue(field: SensedField, framed: Buffer): string | null {
  if (framed.length < 3 || framed.readUInt16BE() !== framed.length - 2) return null;
  const value = framed.subarray(2);
  const text = field === 'dhcp-parameter-request-list' ? value.join(',') : decodePrintable(value);
  return text === '' ? null : text;
}

/** People read it in lists and logs: besides control characters, those that turn or hide what stands beside them give U+FFFD. */
const decodePrintable = (value: Buffer): string => decodeText(value).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
