import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeIpv6Prefix,
  decodeTaggedInteger,
  decodeTaggedText,
  decodeText,
  decodeVendorSpecific,
  readCiscoAvPairs,
  readDate,
  readInteger,
  readIpv4,
  readIpv6,
  readTaggedInteger,
  readTaggedText,
  readVendor,
} from './attributes.js';
import {
  ciscoAvPairAttribute,
  dateAttribute,
  integerAttribute,
  ipv4Attribute,
  ipv6Attribute,
  maxVendorValueLength,
  octetsAttribute,
  taggedIntegerAttribute,
  taggedTextAttribute,
  textAttribute,
  vendorAttribute,
} from './build.js';
import { types, vendors } from './dictionary.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const vsa = (text: string) => octetsAttribute(types.vendorSpecific, hex(text));

describe('values', () => {
  it('survive building and reading', () => {
    const at = new Date('2026-11-23T19:00:00Z');
    expect(readInteger([integerAttribute(5, 0xffff_ffff)], 5)).toBe(0xffff_ffff);
    expect(readDate([dateAttribute(types.eventTimestamp, at)], types.eventTimestamp)).toEqual(at);
    expect(readIpv4([ipv4Attribute(4, '10.0.3.11')], 4)).toBe('10.0.3.11');
    expect(readIpv6([ipv6Attribute(95, 'fd10:4::20')], 95)).toBe('fd10:4::20');
    expect(readIpv6([ipv6Attribute(95, '::')], 95)).toBe('::');
  });

  it('of the wrong length are as good as absent', () => {
    for (const value of [hex(''), hex('01'), hex('010203'), hex('0102030405')]) {
      expect(readInteger([{ type: 5, value }], 5)).toBeNull();
      expect(readIpv4([{ type: 4, value }], 4)).toBeNull();
      expect(readIpv6([{ type: 95, value }], 95)).toBeNull();
      expect(readTaggedInteger([{ type: 64, value }], 64)).toBeNull();
    }
    expect(readIpv4([ipv6Attribute(4, 'fd10::1')], 4)).toBeNull();
  });

  it('that do not fit are refused when built', () => {
    expect(() => integerAttribute(5, 2 ** 32)).toThrow(RangeError);
    expect(() => integerAttribute(5, -1)).toThrow(RangeError);
    expect(() => textAttribute(1, 'x'.repeat(254))).toThrow('253');
    expect(() => ipv4Attribute(4, 'fd10::1')).toThrow(RangeError);
    expect(() => octetsAttribute(0, hex(''))).toThrow(RangeError);
    expect(() => octetsAttribute(256, hex(''))).toThrow(RangeError);
  });

  it.each([
    ['pump\0\0', 'pump'],
    ['a\0b', 'a\u{fffd}b'],
    ['a\nb\x1b[2J', 'a\u{fffd}b\u{fffd}[2J'],
    ['Gerät', 'Gerät'],
  ])('as text carry no control characters: %j', (raw, text) => {
    expect(decodeText(Buffer.from(raw))).toBe(text);
  });

  it('that are no UTF-8 read as replacement characters', () => {
    expect(decodeText(hex('61ff62'))).toBe('a\u{fffd}b');
  });

  it.each([
    ['00 40 fd21000000000000', 'fd21::/64'],
    ['00 40 fd21000000000000 0000000000000000', 'fd21::/64'],
    ['00 00', '::/0'],
    ['00 80 fd210000000000000000000000000001', 'fd21::1/128'],
    ['00 40 fd2100', null],
    ['00 10 fd2101', null],
    ['00 81 fd210000000000000000000000000001', null],
    ['00', null],
    ['', null],
  ])('Framed-IPv6-Prefix %s reads %s (RFC 3162 §2.3)', (bytes, prefix) => {
    expect(decodeIpv6Prefix(hex(bytes))).toBe(prefix);
  });
});

describe('tagged values (RFC 2868 §3)', () => {
  it.each([
    ['39 37 34', 0, '974'],
    ['01 39 37 34', 1, '974'],
    ['1f 39', 31, '9'],
    ['20 39', 0, ' 9'],
    ['00 39 37 34', 0, '974'],
    ['', 0, ''],
  ])('text %s has tag %i and reads `%s`', (bytes, tag, value) => {
    expect(decodeTaggedText(hex(bytes))).toEqual({ tag, value });
  });

  it('integers always have the tag byte', () => {
    expect(decodeTaggedInteger(hex('00 00000d'))).toEqual({ tag: 0, value: 13 });
    expect(decodeTaggedInteger(hex('1f ffffff'))).toEqual({ tag: 31, value: 0xff_ffff });
  });

  it('survive building and reading with each tag', () => {
    for (let tag = 0; tag <= 31; tag++) {
      expect(readTaggedText([taggedTextAttribute(81, tag, '210')], 81)).toEqual({ tag, value: '210' });
      expect(readTaggedInteger([taggedIntegerAttribute(64, tag, 13)], 64)).toEqual({ tag, value: 13 });
    }
    expect(taggedTextAttribute(81, 0, '974').value).toEqual(hex('39 37 34'));
  });

  it('are refused where a reader would take text for the tag', () => {
    expect(() => taggedTextAttribute(81, 0, '\x0121')).toThrow(RangeError);
    expect(() => taggedTextAttribute(81, 32, '21')).toThrow(RangeError);
    expect(() => taggedIntegerAttribute(64, 0, 2 ** 24)).toThrow(RangeError);
  });
});

describe('vendor-specific values (RFC 2865 §5.26)', () => {
  it('may hold several sub-attributes', () => {
    const attributes = [vsa('00000009 01 05 613d31 01 05 623d32'), vsa('00000009 02 03 78'), vsa('0000000b 01 03 79')];
    expect(readCiscoAvPairs(attributes)).toEqual(['a=1', 'b=2']);
    expect(readVendor(attributes, vendors.cisco, 2)).toEqual([Buffer.from('x')]);
    expect(readVendor(attributes, vendors.hp, 1)).toEqual([Buffer.from('y')]);
  });

  it.each([
    ['00000009'],
    ['00000009 01'],
    ['00000009 0102'],
    ['00000009 01 01 61'],
    ['00000009 01 04 61'],
    ['00000009 01 03 61 01'],
    ['00000009 01 00 61'],
    [''],
  ])('of another layout stay opaque: %s', (bytes) => {
    const value = hex(bytes);
    expect(decodeVendorSpecific(value)).toBeNull();
    expect(readVendor([{ type: 26, value }], 9, 1)).toEqual([]);
  });

  it('hold 247 bytes and not one more', () => {
    const value = 'x'.repeat(maxVendorValueLength);
    expect(readCiscoAvPairs([ciscoAvPairAttribute(value)])).toEqual([value]);
    expect(() => ciscoAvPairAttribute(`${value}x`)).toThrow('247');
    expect(vendorAttribute(9, 1, Buffer.alloc(247)).value).toHaveLength(253);
  });

  it('never throw, whatever they hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 253 }), (bytes) => {
        const total = decodeVendorSpecific(Buffer.from(bytes))?.reduce((sum, { value }) => sum + 2 + value.length, 4);
        expect(total ?? bytes.length).toBe(bytes.length);
      }),
    );
  });
});
