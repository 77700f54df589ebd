import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNetconfDriver } from '#drivers';
import { noRules, stateOf, type EnforcementState } from '#model';
import { isConsistentEntry, parsePrefix, type AclEntry, type Prefix } from '#net';
import { EnforcementProof } from '../enforcement-proof.js';

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const entry = (part: Partial<AclEntry>): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
  ...part,
});
const port = (first: number, last = first) => ({ first, last });
const entries = [
  entry({ sourcePorts: port(3613), destination: prefix('10.10.4.30'), established: true }),
  entry({ action: 'deny', destination: prefix('10.10.4.66') }),
  entry({ destination: prefix('10.10.4.0/24'), destinationPorts: port(443) }),
  entry({ protocol: 17, destinationPorts: port(5000, 5010) }),
  entry({ protocol: 1, destinationPorts: port(8) }),
  entry({ family: 6, destination: prefix('fd10:4::/64'), destinationPorts: port(443) }),
];
const stateWith = (of: readonly AclEntry[], hasVlans = true): EnforcementState =>
  stateOf({
    ...noRules,
    lists: [
      { name: 'cordon-pump-1', entries: of },
      { name: 'cordon-nothing-2', entries: [] },
    ],
    vlans: hasVlans ? [{ id: 210, name: 'pumps' }] : [],
  });

const drivers = {
  'ietf-acl': createNetconfDriver({ model: 'ietf-acl' }),
  openconfig: createNetconfDriver({ model: 'openconfig' }),
} as const;
type Model = keyof typeof drivers;

const check = (model: Model, damage: (text: string) => string, hasVlans = model === 'openconfig'): string => {
  const driver = drivers[model];
  const state = stateWith(entries, hasVlans);
  const text = damage(driver.render(state));
  return new EnforcementProof(driver).checkText(state, text)?.summary ?? 'proved';
};
const replace = (from: string | RegExp, to: string) => (text: string) => {
  const damaged = text.replace(from, to);
  expect(damaged).not.toBe(text);
  return damaged;
};

describe.each(['ietf-acl', 'openconfig'] as const)('lists of a switch in %s', (model) => {
  const driver = drivers[model];
  const element = model === 'ietf-acl' ? 'acl' : 'acl-set';
  const line = model === 'ietf-acl' ? 'ace' : 'acl-entry';

  it('are proved as rendered, and as any edit that brings them', () => {
    const state = stateWith(entries, model === 'openconfig');
    const proof = new EnforcementProof(driver);
    expect(proof.check(state)).toBeNull();
    expect(proof.checkText(state, driver.render(state))).toBeNull();
    const other = driver.expect(stateWith(entries.slice(2), model === 'openconfig'));
    for (const observed of [null, other, driver.expect(stateOf(noRules))])
      expect(proof.checkText(state, driver.plan(state, observed).commands)).toBeNull();
  });

  it('are proved for any entries that can be said', () => {
    const range = fc.tuple(fc.nat(65_000), fc.nat(500)).map(([first, more]) => port(first, first + more));
    const any = fc
      .record({
        action: fc.constantFrom('permit' as const, 'deny' as const),
        family: fc.constantFrom(4 as const, 6 as const),
        protocol: fc.constantFrom(null, 1, 6, 17, 50, 58, 132),
        sourcePorts: fc.option(range),
        destination: fc.option(fc.constantFrom(...['10.0.0.0/8', '10.1.0.0/31', 'fd00::/8', '::/0'].map(prefix))),
        destinationPorts: fc.option(fc.oneof(range, fc.constantFrom(port(8), port(128, 129)))),
        established: fc.boolean(),
      })
      .filter(isConsistentEntry);
    fc.assert(
      fc.property(fc.array(any, { maxLength: 5 }), (of) => {
        const state = stateWith(of, false);
        fc.pre(driver.check(state).length === 0);
        expect(new EnforcementProof(driver).check(state)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'an entry missing',
      replace(new RegExp(`<${line}>\\s*<[^/]*>30<[\\s\\S]*?</${line}>`), ''),
      /would (pass|be dropped)/,
    ],
    [
      'a denying entry missing',
      replace(new RegExp(`<${line}>(?:(?!</${line}>)[\\s\\S])*10\\.10\\.4\\.66[\\s\\S]*?</${line}>`), ''),
      /tcp\/443 .*10\.10\.4\.66.* would pass/,
    ],
    ['a port changed', replace('5000', '4999'), /udp\/4999 .*would pass/],
    ['a wider prefix', replace('10.10.4.0/24', '10.10.4.0/23'), /tcp\/443 .*10\.10\.5\.\d+.* would pass/],
    ['another protocol', replace('>17<', '>6<'), /not understood|would pass/],
    ['an unknown condition', replace('<protocol>17</protocol>', '<protocol>17</protocol><dscp>1</dscp>'), /not ours/],
    [
      'a list missing',
      replace(new RegExp(`<${element}>[\\s\\S]*?nothing-2[\\s\\S]*?</${element}>`, 'g'), ''),
      /`cordon-nothing-2` is not in it|lists `cordon-nothing-2`/,
    ],
    [
      'a list more',
      (text) =>
        text.replaceAll(
          new RegExp(`<${element}>[\\s\\S]*?</${element}>`, 'g'),
          (list) =>
            list + list.replaceAll('cordon-nothing-2', 'cordon-more-3').replaceAll('cordon-pump-1', 'cordon-more-4'),
        ),
      /which no rule asks for/,
    ],
    ['no text at all', () => '', /not understood/],
    ['a text of somebody else', () => '<config/>', /not understood/],
  ])('are refuted with %s', (_, damage, why) => {
    expect(check(model, damage)).toMatch(why);
  });
});

describe('lists of a switch', () => {
  it.each<[string, Model, (text: string) => string, RegExp]>([
    ['accept for drop', 'ietf-acl', (text) => text.replaceAll('acl:drop', 'acl:accept'), /would pass/],
    ['ACCEPT for DROP', 'openconfig', (text) => text.replaceAll('oc-acl:DROP', 'oc-acl:ACCEPT'), /would pass/],
    ['replies of one bit only', 'ietf-acl', replace('<flags>rst', '<flags>ack'), /TCP bits/],
    [
      'replies that may open',
      'ietf-acl',
      (text) => text.replaceAll(/<flags>.*<\/flags>/g, ''),
      /from port 3613.* would pass/,
    ],
    [
      'replies that may open',
      'openconfig',
      (text) => text.replaceAll(/<detail-mode>.*<\/detail-mode>|<builtin-detail>.*<\/builtin-detail>/g, ''),
      /from port 3613.* would pass/,
    ],
    ['half of the bits in words', 'openconfig', replace('TCP_ESTABLISHED', 'TCP_INITIAL'), /not ours/],
    [
      'IPv6 missing',
      'openconfig',
      replace(/<acl-set>(?:(?!<\/acl-set>)[\s\S])*oc-acl:ACL_IPV6[\s\S]*?<\/acl-set>/, ''),
      /0 lists .* for IPv6/,
    ],
    ['IPv4 only', 'ietf-acl', replace('mixed-eth-ipv4-ipv6-acl-type', 'ipv4-acl-type'), /0 lists .* for IPv6/],
    ['another type of ICMP', 'openconfig', replace('types:ECHO<', 'types:REDIRECT<'), /icmp\/5 .*would pass/],
    [
      'a VLAN missing',
      'openconfig',
      replace(/<network-instances[\s\S]*<\/network-instances>/, ''),
      /VLAN 210 is not in it/,
    ],
    ['a VLAN of another id', 'openconfig', (text) => text.replaceAll('>210<', '>211<'), /VLAN 210 is not in it/],
    ['a VLAN of another name', 'openconfig', replace('cordon-pumps', 'cordon-other'), /called `cordon-other`/],
    ['a VLAN that does not work', 'openconfig', replace('ACTIVE', 'SUSPENDED'), /not one that works/],
  ])('are refuted with %s in %s', (_, model, damage, why) => {
    expect(check(model, damage)).toMatch(why);
  });

  it('are refuted by VLANs that nobody asked for', () => {
    const driver = drivers.openconfig;
    const text = driver.render(stateWith(entries));
    expect(new EnforcementProof(driver).checkText(stateWith(entries, false), text)?.summary).toMatch(
      /no rule asks for/,
    );
  });
});
