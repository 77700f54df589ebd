import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const rules = readFileSync(join(import.meta.dirname, 'testdata/rules.txt'), 'utf8');

describe('filter rules of a RADIUS server', () => {
  const passes = asking(parse(rules));

  it.each([
    ['udp/67 from 68 > 255.255.255.255', true, '`any` is IPv4'],
    ['udp/67 from 68 > fd00::1', true, '… and IPv6'],
    ['tcp/443 > 10.10.4.99', false, 'the first match decides'],
    ['tcp/8005 > 10.10.4.1', true, 'lists of ports and ranges'],
    ['tcp/8011 > 10.10.4.1', false, 'end of a range'],
    ['tcp/7 from 3613 established > fd00::1', true, 'established'],
    ['tcp/7 from 3613 > fd00::1', false, 'not established'],
    ['icmp/8 > 10.0.0.1', true, 'types'],
    ['icmp/3 > 10.0.0.1', false, 'types'],
    ['icmp6/135 > fe80::1', true, 'types of ICMPv6'],
    ['udp/123 > 10.10.2.5 by 10.21.3.4', true, 'source'],
    ['udp/123 > 10.10.2.5 by 10.22.3.4', false, 'source'],
    ['udp/9 > 10.99.0.1', false, 'rules for the other direction say nothing'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it('drop the rest after a last permit, as RFC 6733 says', () => {
    expect(asking(parse('permit in tcp from any to any 443'))('tcp/80 > 10.0.0.1')).toBe(false);
  });

  it.each([
    ['permit in tcp from any to any\ndeny in tcp from any to 10.0.0.1', 'does not close everything', 2],
    ['permit in tcp from assigned to any', 'assigned', 1],
    ['permit in tcp from any to !10.0.0.1', 'negates', 1],
    ['permit in tcp from any to any setup', '`setup`', 1],
    ['permit in tcp from any to any tcpflags syn', '`tcpflags`', 1],
    ['permit in ip from any to any frag', '`frag`', 1],
    ['permit in udp from any to any established', '`established`', 1],
    ['permit in ip from any to any 443', 'without ports', 1],
    ['permit in tcp from any to any 5-4', '5-4', 1],
    ['permit in tcp from 10.0.0.1 to fd00::1', 'both families', 1],
    ['permit in tcp from any to 10.0.0.1/33', '33', 1],
    ['permit in tcp from any', 'ends too early|`nothing`', 1],
    ['allow in tcp from any to any', '`allow`', 1],
    ['permit both tcp from any to any', '`both`', 1],
  ])('are refused, not guessed at: %j', (text, why, line) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toMatch(new RegExp(why));
    expect(parsed.diagnostics[0]?.span?.line).toBe(line);
  });

  it('must be there', () => expect(parse('# nothing\npermit out ip from any to any').ok).toBe(false));
});
