import {
  attributeNames,
  decodeTaggedInteger,
  decodeTaggedText,
  decodeVendorSpecific,
  maxAttributeBytes,
  maxValueLength,
  types,
  vendorAttributeNames,
  type Attribute,
} from '#radius';
import { attributesOf } from '../authentication/attribute-block.js';

/** rlm_rest's form of an attribute; `do_xlat`: without it, `%{…}` in a value would be carried out. */
export interface JsonAttribute {
  readonly op: '+=';
  readonly do_xlat: false;
  readonly value: readonly (string | number)[];
}

export type ReplyJson = Readonly<Record<string, JsonAttribute>>;

const attribute = (...value: readonly (string | number)[]): JsonAttribute => ({ op: '+=', do_xlat: false, value });
/**
 * Encoded attributes in FreeRADIUS's names. It skips what it does not know or can't read, and would send a VLAN without its ACL: so their
 * number goes with them (Cordon-Attributes), and its configuration compares. Throws on what has no name here.
 */
export function replyJson(block: Buffer): ReplyJson {
  const attributes = block.length > maxAttributeBytes ? null : attributesOf(block);
  if (!attributes) throw new Error(`${block.length} bytes of attributes are too many to be told by FreeRADIUS`);
  const named = new Map<string, (string | number)[]>();
  for (const [name, value] of attributes.flatMap(namedValues)) {
    const values = named.get(name);
    if (values) values.push(value);
    else named.set(name, [value]);
  }
  const rules = named.get('NAS-Filter-Rule');
  if (rules) named.set('NAS-Filter-Rule', wholeRules(rules.map(String)));
  const count = [...named.values()].reduce((sum, { length }) => sum + length, 0);
  return {
    ...Object.fromEntries(
      [...named].map(([name, values]) => [
        `reply:${name}`,
        attribute(...values.map((value) => (typeof value === 'string' ? escaped(value) : value))),
      ]),
    ),
    'control:Cordon-Attributes': attribute(count),
  };
}

/** A refusal: why goes into FreeRADIUS's log and to nobody else. */
export const refusalJson = (reason: string): ReplyJson => ({
  'request:Module-Failure-Message': attribute(escaped(`Cordon: ${reason}`)),
});

type NamedValue = readonly [name: string, value: string | number];

function namedValues(one: Attribute): NamedValue[] {
  if (one.type !== types.vendorSpecific) return [namedValue(one.type, null, one.value)];
  const parts = decodeVendorSpecific(one.value);
  if (!parts) throw new Error('a Vendor-Specific attribute is not laid out in sub-attributes');
  return parts.map(({ vendor, type, value }) => namedValue(type, vendor, value));
}

function namedValue(type: number, vendor: number | null, value: Buffer): NamedValue {
  const row = rowOf(type, vendor);
  if (!row) throw new Error(`attribute ${type} of vendor ${vendor ?? 'none'} has no name that FreeRADIUS knows`);
  const [name, kind] = row;
  if (kind === 'octets') return [name, `0x${value.toString('hex')}`];
  if (kind === 'integer' || kind === 'egress-vlan') return [name, value.readUInt32BE()];
  if (kind === 'tagged-integer') {
    const { tag, value: number } = decodeTaggedInteger(value)!;
    return [tagged(name, tag), number];
  }
  if (kind === 'tagged-text') {
    const { tag, value: text } = decodeTaggedText(value);
    return [tagged(name, tag), text];
  }
  if (kind !== 'text') throw new Error(`${name} can't be told to FreeRADIUS`);
  // A list of rules is split where 253 bytes end, perhaps inside a character: joined before it is text.
  return [name, value.toString(type === types.nasFilterRule && vendor === null ? 'latin1' : 'utf8')];
}

const rowOf = (type: number, vendor: number | null) =>
  vendor === null ? attributeNames.get(type) : vendorAttributeNames.get(vendor)?.get(type);

const tagged = (name: string, tag: number): string => (tag === 0 ? name : `${name}:${tag}`);

/**
 * RFC 4849 §2: rules are separated by NUL and go on in the next attribute where one is full; some makes are sent each by itself.
 * FreeRADIUS takes each by itself, and puts them together as the RFC says.
 */
const wholeRules = (parts: readonly string[]): string[] =>
  Buffer.from(parts.map((part) => part + (part.length === maxValueLength ? '' : '\0')).join(''), 'latin1')
    .toString('utf8')
    .split('\0')
    .filter((rule) => rule !== '');

/** FreeRADIUS reads backslashes in values of JSON once more. */
function escaped(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x1f]/.test(text)) throw new Error('a control character can not be told to FreeRADIUS');
  return text.replaceAll('\\', '\\\\');
}
