import fc from 'fast-check';
import { PacketSpace } from '#net';
import { aclPackets } from '#radius';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkExpressible } from '../expressible.js';
import { filterPackets } from '../filter.js';
import { renderProved } from '../prove.js';
import { asking } from '../spec/ask.js';
import { anyAcl, entry, ports, prefix } from '../spec/generated.js';
import { juniperSwitchingFilter } from './index.js';
import { parse } from './parse.js';

const reply = readFileSync(join(import.meta.dirname, 'testdata/reply.txt'), 'utf8');

describe('terms of a Juniper switching filter', () => {
  const passes = asking(parse(reply));
  it.each([
    ['tcp/443 > 10.10.4.99', false, 'the first match decides'],
    ['tcp/443 > 10.10.4.20', true, 'conditions are ANDed'],
    ['tcp/80 > 10.10.4.20', false, 'the closing term'],
    ['udp/67 from 68 > 255.255.255.255', true, 'ports, in small letters'],
    ['udp/67 from 69 > 255.255.255.255', false, 'source port'],
    ['tcp/80 > fd00::1', true, 'IPv6 counts as not filtered'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it.each([
    ['Match Ip-protocol 6, Destination-port 443 Action allow', 'may match IPv6'],
    ['Match Destination-ip 10.0.0.1 Action allow', 'not said'],
    ['Match Destination-ip 10.0.0.1 Action deny', 'not said'],
    ['Match Destination-ip fd00::1 Action deny', 'does not take'],
    ['Match Destination-port 443 Action deny', 'without Ip-protocol'],
    ['Match Ip-protocol 6, Ip-protocol 17, Destination-ip 10.0.0.1 Action allow', 'twice'],
    ['Match Ip-protocol 6, Destination-ip 10.0.0.1, Destination-port 1-9 Action allow', '1-9'],
    ['Match source-dot1q-tag 10 Action deny', '`source-dot1q-tag`'],
    ['Match Destination-ip 10.0.0.1 Action allow, Forwarding-class high', 'does not read'],
    ['Match Action deny', 'does not read'],
    ['', 'no term'],
  ])('are refused: %j', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});

describe('the IPv4 half of a list', () => {
  it('reads back as the same packets', () => {
    let said = 0;
    fc.assert(
      fc.property(anyAcl, (list) => {
        const four = list
          .filter(({ family }) => family === 4)
          .filter(
            (each) =>
              checkExpressible('x', { ...juniperSwitchingFilter.capabilities, closesIpv6: true }, [each]).length === 0,
          )
          .slice(0, 3);
        const rendered = juniperSwitchingFilter.render(four, '');
        if (!rendered.ok) return;
        said++;
        const space = new PacketSpace();
        const parsed = parse(rendered.value);
        expect(parsed.ok).toBe(true);
        const six = space.match({ family: 6 });
        if (parsed.ok)
          expect(filterPackets(space, parsed.value).subtract(six).equals(aclPackets(space, four))).toBe(true);
      }),
    );
    expect(said).toBeGreaterThan(20);
  });

  it('is never given out, because IPv6 would be open', () => {
    const list = [entry({ destination: prefix('10.1.0.0/16'), destinationPorts: ports(443) })];
    expect(renderProved(new PacketSpace(), juniperSwitchingFilter, list, '')).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'not-expressible' }],
    });
  });

  it('is refused with more conditions than a switch takes', () => {
    const list = [entry({ destination: prefix('10.1.0.0/16'), destinationPorts: ports(5000, 5010) })];
    expect(juniperSwitchingFilter.render(list, '')).toMatchObject({ ok: false });
  });
});
