import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const reply = readFileSync(join(import.meta.dirname, 'testdata/reply.txt'), 'utf8');

describe('filter rules for an Aruba switch', () => {
  const passes = asking(parse(reply));
  const withoutMode = asking(parse(reply.replace('HP-NAS-Rules-IPv6 = 1\n', '')));

  it.each([
    ['tcp/443 > 10.10.4.99', false, 'the first match decides'],
    ['tcp/443 > 10.10.4.20', true, 'a port'],
    ['tcp/80 > 10.10.4.20', false, 'implicit deny'],
    ['udp/67 > 255.255.255.255', true, '`any` is IPv4'],
    ['udp/67 > fd00::1', true, '… and IPv6'],
    ['udp/547 > ff02::1', true, 'a protocol by number'],
    ['udp/547 > 10.0.0.1', false, '`::/0` is IPv6 alone'],
    ['icmp/8 > 10.10.9.9', true, 'ICMP'],
    ['ip/50 > 10.10.4.33', true, 'host'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it('drop all IPv6 without HP-NAS-Rules-IPv6 = 1', () => {
    expect([withoutMode('udp/547 > ff02::1'), withoutMode('udp/67 > fd00::1')]).toEqual([false, false]);
    expect(withoutMode('udp/67 > 10.0.0.1')).toBe(true);
  });

  it.each([
    [
      'NAS-Filter-Rule = "permit in ip from any to any"\nHP-NAS-Filter-Rule = "deny in ip from any to any"',
      'several attributes',
    ],
    ['Aruba-NAS-Filter-Rule = "permit in tcp from any to any 443"', 'do not know whether it covers IPv6'],
    ['NAS-Filter-Rule = "permit in tcp from any 68 to any"', '`68`'],
    ['NAS-Filter-Rule = "permit in tcp from any to any established"', '`established`'],
    ['NAS-Filter-Rule = "permit in icmp from any to any 8"', 'need TCP or UDP'],
    ['NAS-Filter-Rule = "permit in icmp from any to ::/0"', 'IPv4 only'],
    ['NAS-Filter-Rule = "permit in tcp from 10.0.0.1 to any"', '`10.0.0.1`'],
    ['NAS-Filter-Rule = "permit out tcp from any to any"', '`out`'],
    ['HP-NAS-Rules-IPv6 = 3\nNAS-Filter-Rule = "permit in ip from any to any"', '`3`'],
    [`NAS-Filter-Rule = "permit in tcp from any to any 443${' '.repeat(247)}"`, 'longer than 247'],
    ['Filter-Id = "x"', 'no attribute with a filter rule'],
    ['HP-NAS-Rules-IPv6 = 1', 'no filter rule'],
  ])('are refused: %j', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});
