import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeAttribute } from './describe.js';
import { describeCode } from './dictionary.js';
import { ciscoAvPairAttribute, octetsAttribute } from './build.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const text = (value: string): string => Buffer.from(value).toString('hex');

describe('describeAttribute', () => {
  it.each([
    [1, text('pump'), 'User-Name', 'pump'],
    [4, '0a00030b', 'NAS-IP-Address', '10.0.3.11'],
    [4, '0a0003', 'NAS-IP-Address', '0x0a0003'],
    [6, '0000000a', 'Service-Type', 'Call-Check'],
    [6, '00000063', 'Service-Type', '99'],
    [24, 'deadbeef', 'State', '0xdeadbeef'],
    [29, '00000001', 'Termination-Action', 'RADIUS-Request'],
    [40, '00000003', 'Acct-Status-Type', 'Interim-Update'],
    [55, '6a0c1f00', 'Event-Timestamp', new Date(0x6a0c1f00 * 1000).toISOString()],
    [56, '310000d2', 'Egress-VLANID', '210 tagged'],
    [56, '320000d2', 'Egress-VLANID', '210 untagged'],
    [64, '0000000d', 'Tunnel-Type', 'VLAN'],
    [65, '01000006', 'Tunnel-Medium-Type', 'IEEE-802 (tag 1)'],
    [81, text('210'), 'Tunnel-Private-Group-Id', '210'],
    [81, `01${text('210')}`, 'Tunnel-Private-Group-Id', '210 (tag 1)'],
    [
      92,
      `${text('permit in ip from any to any')}00${text('deny in')}`,
      'NAS-Filter-Rule',
      'permit in ip from any to any | deny in',
    ],
    [95, 'fd000000000000000000000000000011', 'NAS-IPv6-Address', 'fd00::11'],
    [97, '0040fd21000000000000', 'Framed-IPv6-Prefix', 'fd21::/64'],
    [101, '000001f7', 'Error-Cause', 'Session-Context-Not-Found'],
    [241, '01ff', 'Attribute-241', '0x01ff'],
    [26, `00000009 01 06 ${text('a=b1')}`, 'Cisco-AVPair', 'a=b1'],
    [
      26,
      `00000009 01 05 ${text('a=b')} 01 05 ${text('c=d')}`,
      'Vendor-Specific',
      'Cisco-AVPair = a=b; Cisco-AVPair = c=d',
    ],
    [26, `000039e7 01 05 ${text('abc')}`, 'Aruba-User-Role', 'abc'],
    [26, `000039e7 c8 05 ${text('abc')}`, 'Aruba-Attribute-200', '0x616263'],
    [26, '00003039 07 03 61', 'Vendor-12345-Attribute-7', '0x61'],
    [26, '0000000b 07', 'Vendor-Specific', '0x0000000b07'],
  ])('%i %s: %s = %s', (type, bytes, name, value) => {
    expect(describeAttribute(octetsAttribute(type, hex(bytes)))).toEqual({ name, value });
  });

  it.each([
    [2, 'User-Password', text('swordfish')],
    [3, 'CHAP-Password', text('swordfish')],
    [69, 'Tunnel-Password', text('swordfish')],
    [26, 'MS-MPPE-Send-Key', `00000137 10 0b ${text('swordfish')}`],
    [26, 'MS-MPPE-Recv-Key', `00000137 11 0b ${text('swordfish')}`],
    [26, 'Microsoft-Attribute-99', `00000137 63 0b ${text('swordfish')}`],
    [26, 'Aruba-MPSK-Passphrase', `000039e7 2c 0b ${text('swordfish')}`],
    [26, 'Vendor-Specific', `00000137 11 ff ${text('swordfish')}`],
  ])('never shows the value of %i %s', (type, name, bytes) => {
    expect(describeAttribute(octetsAttribute(type, hex(bytes)))).toEqual({ name, value: '<hidden>' });
  });

  it.each([
    ['psk=swordfish', 'psk=<hidden>'],
    ['leap:session-key=swordfish', 'leap:session-key=<hidden>'],
    ['tacacs-password*swordfish', 'tacacs-password*<hidden>'],
    ['ip:inacl#1=permit ip any any', 'ip:inacl#1=permit ip any any'],
  ])('shows no key of Cisco-AVPair %s', (pair, shown) => {
    expect(describeAttribute(ciscoAvPairAttribute(pair)).value).toBe(shown);
  });

  it('shows none of several sub-attributes that are secret', () => {
    const value = describeAttribute(
      octetsAttribute(26, hex(`00000137 10 05 ${text('abc')} 11 05 ${text('def')}`)),
    ).value;
    expect(value).toBe('MS-MPPE-Send-Key = <hidden>; MS-MPPE-Recv-Key = <hidden>');
  });

  it('gives one line without control characters for anything', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 255 }), fc.uint8Array({ maxLength: 253 }), (type, bytes) => {
        const { name, value } = describeAttribute({ type, value: Buffer.from(bytes) });
        expect(`${name}${value}`).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('describeCode', () => {
  it('names a code, or numbers it', () => {
    expect([describeCode(43), describeCode(99)]).toEqual(['CoA-Request', 'code 99']);
  });
});
