import {
  concatenatedAttributes,
  encodeAttributes,
  octetsAttribute,
  textAttribute,
  types,
  vendorAttribute,
  vendorTextAttribute,
  vendors,
  taggedIntegerAttribute,
  taggedTextAttribute,
  integerAttribute,
  type Attribute,
} from '#radius';
import { describe, expect, it } from 'vitest';
import { refusalJson, replyJson } from './reply-json.js';

const values = (...attributes: readonly Attribute[]) =>
  Object.fromEntries(Object.entries(replyJson(encodeAttributes(attributes))).map(([name, { value }]) => [name, value]));

describe('attributes in rlm_rest’s form', () => {
  it.each<[string, Attribute[], Record<string, readonly (string | number)[]>]>([
    ['numbers', [integerAttribute(types.sessionTimeout, 3600)], { 'reply:Session-Timeout': [3600] }],
    ['without a tag', [taggedIntegerAttribute(types.tunnelType, 0, 13)], { 'reply:Tunnel-Type': [13] }],
    [
      'with a tag',
      [taggedTextAttribute(types.tunnelPrivateGroupId, 1, '210')],
      { 'reply:Tunnel-Private-Group-Id:1': ['210'] },
    ],
    ['bytes', [octetsAttribute(types.class, Buffer.from('cordon'))], { 'reply:Class': ['0x636f72646f6e'] }],
    [
      'a vendor’s, several times',
      ['a', 'b'].map((text) => vendorTextAttribute(vendors.cisco, 1, text)),
      { 'reply:Cisco-AVPair': ['a', 'b'] },
    ],
    [
      'backslashes, which FreeRADIUS reads once more',
      [textAttribute(types.filterId, 'a\\000b')],
      { 'reply:Filter-Id': ['a\\\\000b'] },
    ],
    [
      'percent signs, which are not carried out',
      [textAttribute(types.filterId, '%{User-Name}')],
      { 'reply:Filter-Id': ['%{User-Name}'] },
    ],
  ])('%s', (_, attributes, expected) => {
    const { 'control:Cordon-Attributes': count, ...rest } = values(...attributes);
    expect(rest).toEqual(expected);
    expect(count).toEqual([attributes.length]);
  });

  it('has values that FreeRADIUS does not expand, and adds', () => {
    const reply = replyJson(encodeAttributes([integerAttribute(types.sessionTimeout, 1)]));
    expect(reply['reply:Session-Timeout']).toEqual({ op: '+=', do_xlat: false, value: [1] });
  });

  it('takes rules apart, wherever 253 bytes end, and counts each', () => {
    const rules = Array.from({ length: 12 }, (_, i) => `permit in tcp from any to 10.10.4.${i} 443`);
    const joined = concatenatedAttributes(types.nasFilterRule, Buffer.from(rules.join('\0')));
    expect(joined.length).toBeGreaterThan(1);
    expect(values(...joined)).toEqual({ 'reply:NAS-Filter-Rule': rules, 'control:Cordon-Attributes': [12] });
    const each = rules.map((rule) => textAttribute(types.nasFilterRule, rule));
    expect(values(...each)).toEqual(values(...joined));
  });

  it.each<[string, Attribute]>([
    ['an attribute that has no name', octetsAttribute(240, Buffer.from([1]))],
    ['a vendor that has none', vendorAttribute(99_999, 1, Buffer.from([1]))],
    ['a key', vendorAttribute(vendors.microsoft, 16, Buffer.alloc(50))],
    ['a control character', textAttribute(types.filterId, 'a\nb')],
  ])('is none with %s', (_, attribute) => {
    expect(() => replyJson(encodeAttributes([attribute]))).toThrow(/FreeRADIUS/);
  });

  it('is none where FreeRADIUS would cut it off', () => {
    const long = Array.from({ length: 16 }, () => textAttribute(types.filterId, 'x'.repeat(250)));
    expect(() => replyJson(encodeAttributes(long))).toThrow(/too many/);
  });

  it('tells why it is refused to the log alone', () => {
    expect(Object.keys(refusalJson('no'))).toEqual(['request:Module-Failure-Message']);
  });
});
