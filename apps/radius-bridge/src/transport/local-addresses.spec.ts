import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { localAddresses } from './local-addresses.js';

const v4 = (address: string): NetworkInterfaceInfo => ({
  address,
  family: 'IPv4',
  internal: false,
  netmask: '',
  mac: '',
  cidr: null,
});
const v6 = (address: string, scopeid = 0): NetworkInterfaceInfo => ({
  address,
  family: 'IPv6',
  internal: false,
  netmask: '',
  mac: '',
  cidr: null,
  scopeid,
});
const machine = { lo: [v4('127.0.0.1'), v6('::1')], eth0: [v4('10.0.0.5'), v6('fd00::5'), v6('fe80::5', 2)] };

describe('the addresses that a port is served on', () => {
  it.each([
    ['those that are named', ['10.0.0.5', 'fd00::5'], ['10.0.0.5', 'fd00::5']],
    ['every IPv4 address for 0.0.0.0', ['0.0.0.0'], ['127.0.0.1', '10.0.0.5']],
    [
      'every address for ::, link-local ones with their interface',
      ['::'],
      ['127.0.0.1', '::1', '10.0.0.5', 'fd00::5', 'fe80::5%eth0'],
    ],
    ['each once', ['127.0.0.1', '0.0.0.0', '127.0.0.1'], ['127.0.0.1', '10.0.0.5']],
    ['one that the machine does not have (yet), so that binding says so', ['10.0.0.9'], ['10.0.0.9']],
  ])('are %s', (_, hosts, expected) => {
    expect(localAddresses(hosts, machine)).toEqual(expected);
  });
});
