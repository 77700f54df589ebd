import { describe, expect, it } from 'vitest';
import { finalDenies, isConsistentEntry, matchAcl, type AclEntry, type AclPacket } from './acl.js';
import { parseAddress, parsePrefix, type Prefix } from './address.js';

const https: AclEntry = {
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: parsePrefix('10.10.4.0/24') as Prefix,
  destinationPorts: { first: 443, last: 445 },
  established: false,
};
const packet = (over: Partial<AclPacket> & { to?: string } = {}): AclPacket => ({
  destination: parseAddress(over.to ?? '10.10.4.20')!,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort: 443,
  established: false,
  ...over,
});

describe('matchAcl', () => {
  it.each<[string, Partial<AclEntry>, Partial<AclPacket> & { to?: string }, 'permit' | 'deny']>([
    ['what an entry names', {}, {}, 'permit'],
    ['the first address', {}, { to: '10.10.4.0' }, 'permit'],
    ['the last address', {}, { to: '10.10.4.255' }, 'permit'],
    ['the address before', {}, { to: '10.10.3.255' }, 'deny'],
    ['the address after', {}, { to: '10.10.5.0' }, 'deny'],
    ['the last port', {}, { destinationPort: 445 }, 'permit'],
    ['the port after', {}, { destinationPort: 446 }, 'deny'],
    ['another protocol', {}, { protocol: 17 }, 'deny'],
    ['any protocol', { protocol: null, destinationPorts: null }, { protocol: 47, destinationPort: null }, 'permit'],
    ['the other family, though anything is allowed in this one', { destination: null }, { to: 'fd10::1' }, 'deny'],
    ['a source port', { sourcePorts: { first: 2575, last: 2575 } }, { sourcePort: 2575 }, 'permit'],
    ['another source port', { sourcePorts: { first: 2575, last: 2575 } }, {}, 'deny'],
    ['a fragment without ports', {}, { sourcePort: null, destinationPort: null }, 'deny'],
    ['a fragment, be the range from 0', { destinationPorts: { first: 0, last: 9 } }, { destinationPort: null }, 'deny'],
    ['a reply', { established: true }, { established: true }, 'permit'],
    ['the opening of a connection', { established: true }, {}, 'deny'],
  ])('judges %s', (_title, entry, seen, verdict) => {
    expect(matchAcl([{ ...https, ...entry }], packet(seen))).toBe(verdict);
  });

  it('lets the first match decide, and drops what matches nothing', () => {
    const deny = { ...https, action: 'deny' as const };
    expect(matchAcl([deny, https], packet())).toBe('deny');
    expect(matchAcl([https, deny], packet())).toBe('permit');
    expect(matchAcl([], packet())).toBe('deny');
    expect(matchAcl([...finalDenies(), https], packet())).toBe('deny');
  });
});

describe('isConsistentEntry', () => {
  it.each<[string, Partial<AclEntry>, boolean]>([
    ['TCP with ports', {}, true],
    ['ICMP with types', { protocol: 1, destinationPorts: { first: 8, last: 8 } }, true],
    ['ICMPv6 types in IPv4', { protocol: 58, destinationPorts: { first: 128, last: 128 } }, false],
    ['ICMP types over 255', { protocol: 1, destinationPorts: { first: 0, last: 256 } }, false],
    ['ports of any protocol', { protocol: null }, false],
    ['ports of GRE', { protocol: 47 }, false],
    ['source ports of ICMP', { protocol: 1, destinationPorts: null, sourcePorts: { first: 1, last: 1 } }, false],
    ['established UDP', { protocol: 17, established: true }, false],
    ['a backward range', { destinationPorts: { first: 2, last: 1 } }, false],
    ['a port over 65535', { destinationPorts: { first: 0, last: 65_536 } }, false],
    ['protocol 256', { protocol: 256, destinationPorts: null }, false],
    ['an IPv6 address in IPv4', { destination: parsePrefix('fd10::/64') as Prefix }, false],
  ])('%s: %s', (_title, over, consistent) => {
    expect(isConsistentEntry({ ...https, ...over })).toBe(consistent);
  });
});
