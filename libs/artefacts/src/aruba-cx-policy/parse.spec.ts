import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const config = readFileSync(join(import.meta.dirname, 'testdata/running-config.txt'), 'utf8');

describe('a running-config with a port-access policy', () => {
  const passes = asking(parse(config));

  it.each([
    ['tcp/443 > 10.10.4.20', true, 'a mask of IPv4'],
    ['tcp/443 > 10.10.4.21', false, 'the class of the lower number decides'],
    ['tcp/443 > 10.10.4.22', false, 'the end of the mask'],
    ['udp/67 from 68 > 10.0.0.1', true, 'ports of both sides'],
    ['udp/67 from 69 > 10.0.0.1', false, 'source port'],
    ['udp/1024 from 68 > 10.0.0.1', false, 'gt'],
    ['tcp/9 from 3614 established > 10.10.7.255', true, 'established and range'],
    ['tcp/9 from 3614 > 10.10.7.255', false, 'an opening is not established'],
    ['icmp/8 > 10.10.9.9', true, 'a line without a number, at the end'],
    ['icmp/0 > 10.10.9.9', false, 'another type'],
    ['icmp6/135 > ff02::1', true, 'ICMPv6'],
    ['udp/9 > fd10::1 by fe80::1', true, 'source and lt'],
    ['udp/10 > fd10::1 by fe80::1', false, 'lt'],
    ['udp/9 > fd10::1 by fd00::1', false, 'another source'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it('passes what no class takes: no document says otherwise', () => {
    const open = asking(parse(config.replace('    50 class ipv6 rest action drop\n', '')));
    expect(open('tcp/1 > fd10::1')).toBe(true);
  });

  it('must be told which policy is meant, when there are several', () => {
    const two = `${config}port-access policy other\n    10 class ip rest action drop\n`;
    expect(parse(two)).toMatchObject({
      ok: false,
      diagnostics: [{ summary: expect.stringContaining('several') as string }],
    });
    expect(asking(parse(two, { lists: ['newcomers'] }))('icmp6/135 > ff02::1')).toBe(true);
  });
});

describe('what is not modelled', () => {
  it.each([
    ['ignore tcp any any', 'next class'],
    ['match tcp any any eq https', '`https`'],
    ['match tcp any any ack', '`ack`'],
    ['match icmp any any icmp-type redirect', '`redirect`'],
    ['match icmp any any icmp-type 3 icmp-code 1', '`icmp-code`'],
    ['match icmpv6 any any', '`icmpv6`'],
    ['match tcp any 10.0.0.0/255.0.255.0', 'gaps'],
    ['match tcp any fd00::1', 'class of IPv4'],
    ['match any any any dscp EF', '`dscp`'],
    ['match any any any vlan 10', '`vlan`'],
    ['match any any any fragment', '`fragment`'],
    ['match any any any eq 443', 'without ports'],
    ['match udp any any established', '`established`'],
    ['match tcp any any lt 0', 'no packet meets'],
    ['match tcp any', 'ends too early'],
    ['10 match any any any\n    10 match any any any', 'taken'],
  ])('is refused with its line: %s', (line, why) => {
    const parsed = parse(`class ip A\n    ${line}\nport-access policy P\n    10 class ip A\n`);
    expect(parsed).toMatchObject({ ok: false, diagnostics: [{ code: 'not-understood' }] });
    expect(parsed.diagnostics[0]?.summary).toContain(why);
    expect(parsed.diagnostics[0]?.span?.line).toBe(line.includes('\n') ? 3 : 2);
  });

  it.each([
    ['class ip A', 'has no line'],
    ['class ip B', 'not there'],
    ['class mac A', 'not modelled'],
    ['class ip A action redirect captive-portal', '`redirect`'],
    ['class ip A action drop count', '`count`'],
  ])('is refused in a policy: %s', (entry, why) => {
    const parsed = parse(`class ip A\nport-access policy P\n    10 ${entry}\n`);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });

  it.each([
    ['', 'no port-access policy'],
    ['10 match any any any', 'belongs to no class'],
  ])('%j has no policy', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});
