import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const config = readFileSync(join(import.meta.dirname, 'testdata/display-set.txt'), 'utf8');

describe('a configuration with a filter', () => {
  const passes = asking(parse(config));

  it.each([
    ['tcp/443 > 10.10.4.20', true, 'several protocols and ports of a term are alternatives'],
    ['udp/8005 > 10.10.7.255', true, 'several protocols and ports of a term are alternatives'],
    ['tcp/80 > 10.10.4.20', false, 'no term takes it'],
    ['tcp/443 > 10.10.4.31', false, 'the first term decides'],
    ['tcp/9 from 3613 established > 10.99.0.1', true, 'established'],
    ['tcp/9 from 3613 > 10.99.0.1', false, 'an opening is not established'],
    ['icmp6/136 > ff02::1 by fe80::1', true, 'conditions of IPv6'],
    ['icmp6/136 > ff02::1 by fd00::1', false, 'another source'],
    ['icmp6/134 > ff02::1 by fe80::1', false, 'another type'],
    ['tcp/443 > fd10::1', false, 'the end discards IPv6 too'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it('must be told which filter is meant, when there are several', () => {
    const two = `${config}set firewall family ethernet-switching filter other term all then accept\n`;
    expect(parse(two)).toMatchObject({ ok: false, diagnostics: [{ summary: 'there are several filters' }] });
    expect(asking(parse(two, { lists: ['other'] }))('tcp/1 > 10.0.0.1')).toBe(true);
  });
});

describe('what is not modelled is refused', () => {
  it.each([
    ['from interface ge-0/0/1.0', '`interface`'],
    ['from ip-destination-address 10.0.0.1/32', 'ether-type', 'bare'],
    ['from destination-port 443', 'of a protocol without'],
    ['from icmp-type 8', 'another protocol'],
    ['from tcp-established', 'not of TCP alone'],
    ['from ip-protocol tcp', '`tcp`'],
    ['from ip-destination-address fd00::1/128', 'term of IPv4'],
    ['from ip-destination-address 10.0.0.1/32 except', '`except`'],
    ['from user-vlan-id 10', '`user-vlan-id`'],
    ['from ether-type ipv6', 'several ether-types'],
    ['from ether-type 0x88cc', '`0x88cc`', 'bare'],
    ['then policer slow', '`policer`'],
    ['then discard', 'a second action'],
    ['from', 'ends too early'],
  ])('%s', (part, why, kind = 'of IPv4') => {
    const term = 'set firewall family ethernet-switching filter f term t';
    const head = kind === 'bare' ? [] : [`${term} from ether-type ipv4`];
    const parsed = parse([...head, `${term} then accept`, `${term} ${part}`].join('\n'));
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });

  it.each([
    ['', 'no filter'],
    ['set firewall family ethernet-switching filter f term t from ether-type ipv4', 'without an action'],
    ['deactivate firewall family ethernet-switching filter f term t', 'out of force'],
  ])('%j', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});
