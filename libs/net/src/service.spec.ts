import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyService,
  formatService,
  formatServices,
  parseService,
  portOf,
  protocolOf,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
} from './service.js';

describe('a service', () => {
  it.each([
    ['tcp/443', 6, 443, 443],
    ['udp/5000-5010', 17, 5000, 5010],
    ['sctp/36412', 132, 36412, 36412],
    ['tcp', 6, 0, 65535],
    ['tcp/0-65535', 6, 0, 65535],
    ['icmp/8', 1, 8, 8],
    ['icmp6/128-129', 58, 128, 129],
    ['icmp', 1, 0, 65535],
    ['ip/50', 50, 0, 65535],
    ['ip/0', 0, 0, 65535],
    ['ip/255', 255, 0, 65535],
  ])('%s is protocol %i, %i to %i', (text, protocol, low, high) => {
    expect(parseService(text)).toEqual({ first: serviceKey(protocol, low), last: serviceKey(protocol, high) });
  });

  it.each([
    '',
    'tpc/443',
    'TCP/443',
    'tcp/',
    'tcp/65536',
    'tcp/10-9',
    'tcp/1-2-3',
    'tcp/-1',
    'tcp/ 443',
    'tcp/443 ',
    'tcp/0443',
    'icmp/256',
    'icmp6/0-256',
    'ip',
    'ip/256',
    'ip/6-17',
    'ip/06',
    '443',
    'tcp/1e3',
    'all',
  ])('`%s` is refused', (text) => expect(parseService(text)).toBeNull());

  it('is written as it is read', () => {
    for (const text of ['any', 'tcp', 'udp/53', 'tcp/1-1023', 'icmp', 'icmp/8', 'icmp6/0-255', 'ip/50', 'sctp'])
      expect(formatService(parseService(text)!)).toEqual([text]);
    expect(formatServices([])).toBe('none');
    expect(formatServices(anyService)).toBe('any');
    expect(formatServices([parseService('tcp/80')!, parseService('udp/53')!])).toBe('tcp/80, udp/53');
  });

  it('that spans protocols is split into parts that make up exactly it', () => {
    const key = fc.integer({ min: 0, max: 0xff_ffff });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const interval = { first: Math.min(a, b), last: Math.max(a, b) };
        const parts = splitByProtocol(interval);
        const joined = parts.map(({ protocol, ports }) => ({
          first: serviceKey(protocol, ports?.first ?? 0),
          last: serviceKey(protocol, ports?.last ?? 0xffff),
        }));
        expect(serviceAlgebra.normalize(joined)).toEqual([interval]);
        expect(new Set(parts.map(({ protocol }) => protocol)).size).toBe(parts.length);
        expect(serviceKey(protocolOf(a), portOf(a))).toBe(a);
      }),
    );
  });
});
