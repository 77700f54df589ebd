import { parsePrefix, type Prefix } from '#net';
import type { NasEntry } from '#policy';
import { describe, expect, it } from 'vitest';
import { ClientTable } from './client-table.js';

function nas(name: string, prefix: string, secret = 'env:OK'): NasEntry {
  const parsed = parsePrefix(prefix) as Prefix;
  return {
    name,
    prefix: parsed,
    site: 'main',
    ssidSites: {},
    profile: 'rfc',
    secret,
    aclEntries: null,
    portAcl: 'full',
    transport: 'udp',
    certificate: null,
    messageAuthenticator: 'required',
    requestsPerSecond: 5000,
    coaTransport: 'udp',
    coaPort: 3799,
    sessionTimeout: 3600,
    serverDown: null,
  };
}

const table = new ClientTable(
  {
    proxies: [],
    nas: [
      nas('any', '0.0.0.0/0'),
      nas('campus', '10.0.0.0/8'),
      nas('closet', '10.0.3.0/24'),
      nas('switch', '10.0.3.11'),
      nas('mute', '10.9.0.0/16', 'env:MISSING'),
      nas('long', '10.8.0.1', 'env:LONG'),
      nas('campus6', 'fd00::/8'),
      nas('switch6', 'fd10::11'),
    ],
  },
  (reference) =>
    reference === 'env:OK'
      ? { secret: 's3cret' }
      : reference === 'env:LONG'
        ? { secret: 'x'.repeat(2000) }
        : { problem: 'environment variable MISSING is not set' },
);

const nameOf = (source: string): string | null => {
  const found = table.find(source);
  return found === null || typeof found === 'string' ? found : found.nas.name;
};

describe('client table', () => {
  it.each([
    ['10.0.3.11', 'switch'],
    ['10.0.3.12', 'closet'],
    ['10.1.0.1', 'campus'],
    ['192.0.2.1', 'any'],
    ['::ffff:10.0.3.11', 'switch'],
    ['fd10::11', 'switch6'],
    ['fd10::12', 'campus6'],
    ['fd10::11%eth0', 'switch6'],
    ['2001:db8::1', null],
    ['not an address', null],
  ])('finds for %s the longest prefix: %s', (source, expected) => {
    expect(nameOf(source)).toBe(expected);
    expect(nameOf(source)).toBe(expected);
  });

  it('does not let a client without a secret fall to a wider prefix', () => {
    expect(nameOf('10.9.1.1')).toBe('no-secret');
  });

  it('names the clients that it can not serve, without their secrets', () => {
    expect(table.unusable.map(({ nas }) => nas)).toEqual(['mute', 'long']);
    expect(JSON.stringify(table.unusable)).not.toContain('xxx');
  });

  it('stays correct when forged sources overflow its memory', () => {
    for (let i = 0; i < 25_000; i++) table.find(`203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(nameOf('10.0.3.11')).toBe('switch');
  });
});
