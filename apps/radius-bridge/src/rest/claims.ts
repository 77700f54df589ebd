import { parseAddress, parseMac } from '#net';
import {
  ciscoAvPairAttribute,
  integerAttribute,
  ipv4Attribute,
  ipv6Attribute,
  textAttribute,
  types,
  type Attribute,
} from '#radius';
import { z } from 'zod';

/**
 * A request as rlm_rest writes it (`body = 'json'`): each attribute by FreeRADIUS's name of it, with all its values.
 *
 *   { "User-Name": { "type": "string", "value": ["00-1A-2B-3C-4D-5E"] }, "NAS-Port": { "type": "integer", "value": [7] }, … }
 */
export type Claims = Readonly<Record<string, readonly (string | number)[]>>;

const maxTextLength = 8192;
const body = z.record(
  z.string(),
  z.object({ value: z.array(z.union([z.string().max(maxTextLength), z.number()])).max(200) }),
);

/** Null: this is no request of rlm_rest. */
export function readClaims(json: unknown): Claims | null {
  const parsed = body.safeParse(json);
  if (!parsed.success) return null;
  return Object.fromEntries(Object.entries(parsed.data).map(([name, { value }]) => [name, value]));
}

export const valuesOf = (claims: Claims, name: string): readonly string[] =>
  (Object.hasOwn(claims, name) ? claims[name]! : []).map(String);

/** Null: it is absent, or stands there more than once. */
export function onlyValue(claims: Claims, name: string): string | null {
  const values = valuesOf(claims, name);
  return values.length === 1 ? values[0]! : null;
}

type Encode = (type: number, text: string) => Attribute;

const number: Encode = (type, text) => integerAttribute(type, Number(text));
const isNumber = (text: string): boolean => /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff;
const fits = (text: string): boolean => text.length > 0 && Buffer.byteLength(text) <= 247;

/** What of a request Cordon decides and remembers by; the rest is not read. */
const known: Readonly<Record<string, readonly [type: number, encode: Encode, isValid: (text: string) => boolean]>> = {
  'User-Name': [types.userName, textAttribute, fits],
  'Calling-Station-Id': [types.callingStationId, textAttribute, fits],
  'Called-Station-Id': [types.calledStationId, textAttribute, fits],
  'NAS-Identifier': [types.nasIdentifier, textAttribute, fits],
  'NAS-IP-Address': [types.nasIpAddress, ipv4Attribute, (text) => parseAddress(text)?.family === 4],
  'NAS-IPv6-Address': [types.nasIpv6Address, ipv6Attribute, (text) => parseAddress(text)?.family === 6],
  'NAS-Port': [types.nasPort, number, isNumber],
  'NAS-Port-Id': [types.nasPortId, textAttribute, fits],
  'Acct-Session-Id': [types.acctSessionId, textAttribute, fits],
  'Cisco-AVPair': [types.vendorSpecific, (_, text) => ciscoAvPairAttribute(text), fits],
};

/**
 * The same request as attributes, so that it is read by the code that reads RADIUS: repeated attributes stay repeated. The name of an
 * attribute with a value that can't be one: it must not be taken for an absent one.
 */
export function attributesOf(claims: Claims): readonly Attribute[] | string {
  const out: Attribute[] = [];
  for (const [name, [type, encode, isValid]] of Object.entries(known)) {
    for (const text of valuesOf(claims, name)) {
      if (!isValid(text)) return name;
      out.push(encode(type, text));
    }
  }
  return out;
}

/** The device on the port, as the switch says. */
export function callerOf(claims: Claims) {
  const text = onlyValue(claims, 'Calling-Station-Id');
  return text === null ? null : parseMac(text);
}
