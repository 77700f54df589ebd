import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { octetsAttribute, vendorAttribute } from './build.js';
import { readDeviceSensor } from './device-sensor.js';
import { ciscoAvPair, types, vendors } from './dictionary.js';
import type { Attribute } from './packet.js';

const pair = (value: string | Buffer): Attribute =>
  vendorAttribute(vendors.cisco, ciscoAvPair, typeof value === 'string' ? Buffer.from(value, 'latin1') : value);
const read = (...values: (string | Buffer)[]) => readDeviceSensor(values.map(pair));
/** Lengths are those of the value unless another is given. */
const framed = (name: string, type: number, value: string | Buffer, length = Buffer.from(value).length): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([Buffer.from(`${name}=`), head, Buffer.from(value)]);
};
const classId = (value: string | Buffer, length?: number) => framed('dhcp-option', 60, value, length);

describe('readDeviceSensor', () => {
  it('reads what a Cisco controller sent (an Accounting-Request that was published, in FreeRADIUS notation)', () => {
    expect(read('dhcp-option=\u00007\u0000\t\u0001y\u0003\u0006\u000flrw\u00fc')).toEqual({
      'dhcp-parameter-request-list': '1,121,3,6,15,108,114,119,252',
    });
  });

  it('reads each field, octet by octet', () => {
    const hex = [
      '646863702d6f7074696f6e3d 003c 0008 4d53465420352e30',
      '646863702d6f7074696f6e3d 0037 0004 0103060f',
      '646863702d6f7074696f6e3d 000c 0006 70756d702d37',
      '6c6c64702d746c763d 0005 0006 70756d702d37',
      '6c6c64702d746c763d 0006 0005 4c696e7578',
    ];
    expect(read(...hex.map((text) => Buffer.from(text.replaceAll(' ', ''), 'hex')))).toEqual({
      'dhcp-class-identifier': 'MSFT 5.0',
      'dhcp-parameter-request-list': '1,3,6,15',
      'dhcp-host-name': 'pump-7',
      'lldp-system-name': 'pump-7',
      'lldp-system-description': 'Linux',
    });
  });

  it('finds several in one Vendor-Specific', () => {
    const [one, two] = [classId('one'), framed('lldp-tlv', 5, 'two')];
    const parts = [one, two].map((each) => Buffer.concat([Buffer.from([ciscoAvPair, each.length + 2]), each]));
    const value = Buffer.concat([Buffer.from('00000009', 'hex'), ...parts]);
    expect(readDeviceSensor([octetsAttribute(types.vendorSpecific, value)])).toEqual({
      'dhcp-class-identifier': 'one',
      'lldp-system-name': 'two',
    });
  });

  it.each<[string, Buffer | string]>([
    ['nothing after the name', 'dhcp-option='],
    ['half a type', 'dhcp-option=\u0000'],
    ['no length', 'dhcp-option=\u0000<'],
    ['half a length', 'dhcp-option=\u0000<\u0000'],
    ['an empty value', classId('')],
    ['a value that is cut', classId('MSFT', 5)],
    ['a value that is longer than it says', classId('MSFT 5.0', 4)],
    ['a length that lies grossly', classId('MSFT', 0xffff)],
    ['a value of nothing but NUL', classId('\u0000\u0000')],
    ['another option', framed('dhcp-option', 61, 'x')],
    ['an option whose low octet alone is known', framed('dhcp-option', 0x013c, 'x')],
    ['an LLDP type under the name of DHCP', framed('dhcp-option', 5, 'x')],
    ['CDP', framed('cdp-tlv', 6, 'x')],
    ['a browser', framed('http-tlv', 1, 'x')],
    ['another pair', 'audit-session-id=0A00'],
    ['a name in capitals', framed('DHCP-OPTION', 60, 'x')],
  ])('ignores %s, and reads what stands beside it', (_, value) => {
    expect(read(value)).toBeNull();
    expect(read(value, framed('lldp-tlv', 5, 'pump'))).toEqual({ 'lldp-system-name': 'pump' });
  });

  it('takes the first that is whole', () => {
    expect(read(classId('cut', 9), classId('one'), classId('two'))).toEqual({ 'dhcp-class-identifier': 'one' });
  });

  it('takes the longest value that an attribute has room for', () => {
    expect(read(classId('x'.repeat(231)))?.['dhcp-class-identifier']).toHaveLength(231);
    const list = read(framed('dhcp-option', 55, Buffer.alloc(231, 255)))?.['dhcp-parameter-request-list'];
    expect(list).toHaveLength(231 * 4 - 1);
  });

  it.each([
    ['control characters and escapes', 'a\u001b[2J\r\nb', 'a\u{fffd}[2J\u{fffd}\u{fffd}b'],
    ['characters that turn the line', 'a\u202eb\u2066c', 'a\u{fffd}b\u{fffd}c'],
    ['lines of Unicode', 'a\u2028b\u2029c', 'a\u{fffd}b\u{fffd}c'],
    ['what is no UTF-8', Buffer.from([0x61, 0xc0, 0xaf]), 'a\u{fffd}\u{fffd}'],
    ['the NUL at the end', 'pump\u0000', 'pump'],
  ])('does not let through %s', (_, value, text) => {
    expect(read(classId(value))).toEqual({ 'dhcp-class-identifier': text });
  });

  it('keeps letters of other scripts', () => {
    expect(read(classId('Infusomat® Größe 輸液'))).toEqual({ 'dhcp-class-identifier': 'Infusomat® Größe 輸液' });
  });

  it('reads other vendors and other attributes of Cisco for nothing', () => {
    expect(
      readDeviceSensor([
        vendorAttribute(vendors.huawei, ciscoAvPair, classId('x')),
        vendorAttribute(vendors.cisco, 2, classId('x')),
        octetsAttribute(types.vendorSpecific, Buffer.from('000009')),
      ]),
    ).toBeNull();
  });

  it('never throws, whatever the bytes, and its texts are short and printable', () => {
    const bytes = (most: number) => fc.uint8Array({ maxLength: most }).map((list) => Buffer.from(list));
    const name = fc.constantFrom('dhcp-option=', 'lldp-tlv=', 'cdp-tlv=', '');
    const type = fc
      .constantFrom('003c', '0037', '000c', '0005', '0006', '003d', '')
      .map((hex) => Buffer.from(hex, 'hex'));
    const near = fc
      .tuple(name, type, bytes(2), bytes(220))
      .map(([text, ...parts]) => Buffer.concat([Buffer.from(text), ...parts]));
    const good = fc.tuple(fc.constantFrom(12, 55, 60), bytes(231)).map(([n, value]) => framed('dhcp-option', n, value));
    const pairs = fc.oneof(near, good, bytes(247)).map(pair);
    const raw = bytes(253).map((value) => octetsAttribute(types.vendorSpecific, value));
    fc.assert(
      fc.property(fc.array(fc.oneof(pairs, raw), { maxLength: 8 }), (attributes) => {
        for (const text of Object.values(readDeviceSensor(attributes) ?? {})) {
          expect(text.length).toBeGreaterThan(0);
          expect(text.length).toBeLessThan(1024);
          expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
