import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const config = readFileSync(join(import.meta.dirname, 'testdata/catalyst-9300-running-config.txt'), 'utf8');

describe('a running-config with named lists', () => {
  const passes = asking(parse(config, { lists: ['PUMP-IN', 'PUMP6-IN'] }));

  it.each([
    ['udp/67 from 68 > 255.255.255.255', true, 'port names'],
    ['udp/67 from 69 > 255.255.255.255', false, 'source port'],
    ['tcp/443 > 10.10.4.20 by 10.21.15.255', true, 'several ports after eq'],
    ['tcp/80 > 10.10.4.20 by 10.21.0.1', true, 'several ports after eq'],
    ['tcp/443 > 10.10.4.20 by 10.21.16.0', false, 'wildcard of the source'],
    ['tcp/443 > 10.10.4.99', false, 'deny before permit'],
    ['tcp/9 from 3613 established > 10.10.7.255', true, 'established, range, wildcard'],
    ['tcp/9 from 3613 > 10.10.7.255', false, 'the opening of a connection is not established'],
    ['tcp/9 from 3613 established > 10.10.8.0', false, 'end of the wildcard'],
    ['icmp/8 > 10.10.1.1', true, 'ICMP by name'],
    ['icmp/0 > 10.99.0.1', true, 'ICMP by name, out of order in the text'],
    ['icmp/3 > 10.10.1.1', false, 'another type'],
    ['tcp/22 > 10.10.4.30', true, 'neq'],
    ['tcp/23 > 10.10.4.30', false, 'neq'],
    ['udp/1023 > 10.10.4.31', false, 'gt'],
    ['udp/1024 > 10.10.4.31', true, 'gt'],
    ['udp/1023 > 10.10.4.32', true, 'lt'],
    ['udp/1024 > 10.10.4.32', false, 'lt'],
    ['ip/50 > 10.10.4.33', true, 'a protocol by name'],
    ['tcp/443 > fd10:4::20', true, 'IPv6, in capitals'],
    ['udp/547 > ff02::1', true, 'a number behind the entry'],
    ['icmp6/135 > ff02::1', true, 'the implicit permit of neighbour solicitations'],
    ['icmp6/136 > fd10::1', true, 'the implicit permit of neighbour advertisements'],
    ['icmp6/134 > ff02::1', false, 'router advertisements are not implicit'],
    ['tcp/443 > fd10:4::21', false, 'the implicit deny'],
  ])('%s: %s (%s)', (text, passes_) => expect(passes(text)).toBe(passes_));

  it('must be told which lists are meant, when there are several', () => {
    expect(parse(config)).toMatchObject({
      ok: false,
      diagnostics: [{ summary: expect.stringContaining('several') as string }],
    });
  });

  it('does not filter a family that has no list', () => {
    const onlyFour = asking(parse('ip access-list extended A\n 10 deny ip any any\n'));
    expect(onlyFour('tcp/1 > 10.0.0.1')).toBe(false);
    expect(onlyFour('tcp/1 > fd00::1')).toBe(true);
  });

  it('has an explicit deny of all before the implicit permits', () => {
    const closed = asking(parse('ipv6 access-list A\n sequence 10 deny ipv6 any any\n'));
    expect(closed('icmp6/135 > ff02::1')).toBe(false);
  });

  it('tells the line of an entry that decides', () => {
    const parsed = parse(config, { lists: ['PUMP-IN', 'PUMP6-IN'] });
    expect(parsed.ok && parsed.value.map(({ at }) => at)).toEqual([
      21,
      22,
      23,
      24,
      25,
      26,
      31,
      27,
      28,
      29,
      30,
      null,
      37,
      39,
      null,
      null,
    ]);
  });
});

describe('an entry that is not modelled', () => {
  it.each([
    ['permit tcp any object-group PUMP-SERVERS eq 443', 'object group'],
    ['permit object-group WEB any any', 'object group'],
    ['permit tcp any 10.0.0.0 255.0.255.255', 'gaps'],
    ['permit tcp any 10.0.0.0 0.0.0.254 eq 443', 'gaps'],
    ['permit tcp any any eq https', '`https`'],
    ['permit tcp any any eq 65536', '65536'],
    ['permit tcp any any gt 65535', 'no packet meets'],
    ['permit tcp any any lt 0', 'no packet meets'],
    ['permit tcp any any range 9 8', 'no packet meets'],
    ['permit tcp any any syn', '`syn`'],
    ['permit tcp any any match-all +syn -ack', '`match-all`'],
    ['permit udp any any established', '`established`'],
    ['permit ip any any fragments', '`fragments`'],
    ['permit ip any any dscp ef', '`dscp`'],
    ['permit ip any any time-range OFFICE', '`time-range`'],
    ['permit ip any any log TAG', '`TAG`'],
    ['permit icmp any any 3 13', 'ICMP code'],
    ['permit icmp any any port-unreachable', '`port-unreachable`'],
    ['permit ip any any eq 443', 'without ports'],
    ['permit ipv6 any any', 'list of IPv4'],
    ['permit tcp any host fd10::1', 'no IPv4 address'],
    ['permit tcp any', 'ends too early'],
    ['permit tcp any host 10.0.0.256', 'no IPv4 address'],
    ['permit 256 any any', '256'],
    ['evaluate MIRROR', '`evaluate`'],
    ['permit tcp any any reflect MIRROR', '`reflect`'],
    ['10 permit ip any any\n 10 deny ip any any', 'taken'],
  ])('is refused with its line: %s', (ace, why) => {
    const parsed = parse(`!\nip access-list extended A\n ${ace}\n`);
    expect(parsed).toMatchObject({ ok: false, diagnostics: [{ code: 'not-understood' }] });
    expect(parsed.diagnostics[0]?.summary).toContain(why);
    expect(parsed.diagnostics[0]?.span?.line).toBe(ace.includes('\n') ? 4 : 3);
  });

  it.each([
    ['permit ip any any', 'belongs to no list'],
    [' 10 permit ip any any', 'belongs to no list'],
    ['ip access-list standard A\n 10 permit 10.0.0.0 0.0.0.255', 'no named access list'],
    ['access-list 101 permit ip any any', 'no named access list'],
    ['', 'no named access list'],
  ])('%j has no list', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});
