import { describe, expect, it } from 'vitest';
import {
  ciscoAvPairAttribute,
  integerAttribute,
  ipv4Attribute,
  ipv6Attribute,
  octetsAttribute,
  textAttribute,
} from './build.js';
import { types } from './dictionary.js';
import { readRequestContext, readSsid } from './request-context.js';

describe('readRequestContext', () => {
  it('reads what a switch tells of itself, the port and the session', () => {
    const context = readRequestContext({
      attributes: [
        textAttribute(types.userName, '001a2b3c4d5e'),
        integerAttribute(types.serviceType, 10),
        ipv4Attribute(types.framedIpAddress, '10.21.0.7'),
        octetsAttribute(types.framedIpv6Prefix, Buffer.from('0040fd21000000000000', 'hex')),
        textAttribute(types.calledStationId, '70-10-5C-00-00-01'),
        textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
        ipv4Attribute(types.nasIpAddress, '10.0.3.11'),
        ipv6Attribute(types.nasIpv6Address, 'fd00::11'),
        textAttribute(types.nasIdentifier, 'main-idf3-sw1'),
        integerAttribute(types.nasPort, 50103),
        textAttribute(types.nasPortId, 'GigabitEthernet1/0/3'),
        integerAttribute(types.nasPortType, 15),
        textAttribute(types.acctSessionId, '0000002A'),
        ciscoAvPairAttribute('service-type=Call Check'),
        ciscoAvPairAttribute('audit-session-id=0A00030B000000120000ABCD'),
        ipv6Attribute(types.framedIpv6Address, 'fd21::7'),
        ipv6Attribute(types.framedIpv6Address, 'fe80::1'),
        ipv6Attribute(types.framedIpv6Address, 'fd21::7'),
      ],
    });
    expect(context).toEqual({
      userName: '001a2b3c4d5e',
      callingStationId: '00-1A-2B-3C-4D-5E',
      callingStation: '00:1a:2b:3c:4d:5e',
      serviceType: 10,
      nasIdentifier: 'main-idf3-sw1',
      nasIpAddress: '10.0.3.11',
      nasIpv6Address: 'fd00::11',
      nasPort: 50103,
      nasPortId: 'GigabitEthernet1/0/3',
      nasPortType: 15,
      calledStationId: '70-10-5C-00-00-01',
      ssid: null,
      acctSessionId: '0000002A',
      auditSessionId: '0A00030B000000120000ABCD',
      framedAddresses: ['10.21.0.7', 'fd21::7', 'fe80::1'],
      framedIpv6Prefixes: ['fd21::/64'],
    });
  });

  it.each([
    ['a prefix and an interface', ['0040fd21000000000000'], '021a2bfffe3c4d5e', ['fd21::21a:2bff:fe3c:4d5e']],
    ['a prefix that is cut short', ['0040fd21'], '021a2bfffe3c4d5e', []],
    ['a prefix that is one address', ['0080fd210000000000000000000000000009'], null, ['fd21::9']],
    ['a prefix alone: that of its link', ['0040fd21000000000000'], null, []],
    ['a prefix that leaves no room for the interface', ['0030fd2100000000'], '021a2bfffe3c4d5e', []],
    ['an interface of the wrong length', ['0040fd21000000000000'], '021a', []],
  ])('learns of IPv6 from %s', (_, prefixes, interfaceId, expected) => {
    const attributes = [
      ...prefixes.map((hex) => octetsAttribute(types.framedIpv6Prefix, Buffer.from(hex, 'hex'))),
      ...(interfaceId ? [octetsAttribute(types.framedInterfaceId, Buffer.from(interfaceId, 'hex'))] : []),
    ];
    expect(readRequestContext({ attributes }).framedAddresses).toEqual(expected);
  });

  it('does not take a delegated prefix for the device (RFC 4818)', () => {
    const attributes = [
      octetsAttribute(types.delegatedIpv6Prefix, Buffer.from('0080fd210000000000000000000000000009', 'hex')),
    ];
    expect(readRequestContext({ attributes })).toMatchObject({ framedAddresses: [], framedIpv6Prefixes: [] });
  });

  it('has null for all that was not told', () => {
    const context = readRequestContext({ attributes: [] });
    expect(new Set(Object.values(context).map((value) => JSON.stringify(value)))).toEqual(new Set(['null', '[]']));
  });

  it.each([['255.255.255.255'], ['255.255.255.254'], ['0.0.0.0']])(
    'takes Framed-IP-Address %s for no address',
    (text) => {
      expect(readRequestContext({ attributes: [ipv4Attribute(types.framedIpAddress, text)] }).framedAddresses).toEqual(
        [],
      );
    },
  );
});

describe('readSsid', () => {
  it.each([
    ['70-10-5C-00-00-01:clinical', 'clinical'],
    ['70:10:5c:00:00:01:clinical', 'clinical'],
    ['70105c000001:clinical', 'clinical'],
    ['7010.5c00.0001:clinical', 'clinical'],
    ['70-10-5C-00-00-01:a:b', 'a:b'],
    ['ap-3-west:clinical', 'clinical'],
    ['70-10-5C-00-00-01', null],
    ['70:10:5c:00:00:01', null],
    ['70105c000001', null],
    ['70-10-5C-00-00-01:', null],
    ['FakeEAP', null],
    ['', null],
    [`70-10-5C-00-00-01:${'x'.repeat(33)}`, null],
  ])('of `%s` is %s', (called, ssid) => {
    expect(readSsid(called)).toBe(ssid);
  });
});
