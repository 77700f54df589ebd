import { describe, expect, it } from 'vitest';
import { baseInput, imported, noNames, Resolver } from '../spec/mud-world.js';
import { fromName, mudText, tcpFrom, tcpTo, toName, udpFrom, udpTo, word, type ListsText } from '../spec/mud-text.js';
import type { MudImportInput } from './import-mud.js';

const cloud = 'api.example.com';
const resolved = new Resolver().resolved([cloud, 'other.example.com']);

/** `subject > object application`, and `list entry part code` of what is left out. */
function told(lists: ListsText, options: Partial<MudImportInput> = {}) {
  const made = imported({ ...baseInput, resolved, text: mudText(lists), ...options });
  return {
    rules: made.rules.map(({ subject, object, application }) => `${subject} > ${object} ${application}`),
    leftOut: made.leftOut.map(({ entry, part, why }) => `${entry.list} ${entry.name} ${part} ${why.code}`),
    answers: made.answers.map(({ list, name }) => `${list} ${name}`),
  };
}

const both = { ...toName(cloud), ...tcpTo(443, 'from-device') };
const back = { ...fromName(cloud), ...tcpFrom(443, 'from-device') };
const out = 'thing > thing-api-example-com https';

describe('a MUD file as rules', () => {
  it('lets the device open what it opens, and nobody else', () => {
    expect(told({ from: [{ matches: both }], to: [{ matches: back }] })).toEqual({
      rules: [out],
      leftOut: [],
      answers: ['to 1'],
    });
  });

  it('lets the far side open where the entry says so', () => {
    const lists = {
      to: [{ matches: { ...word('my-controller'), ...tcpTo(80, 'to-device') } }],
      from: [{ matches: { ...word('my-controller'), ...tcpFrom(80, 'to-device') } }],
    };
    expect(told(lists)).toEqual({ rules: ['hub > thing tcp-80'], leftOut: [], answers: ['from 1'] });
  });

  it('opens both ways where nothing says who opens', () => {
    const lists = { from: [{ matches: word('my-controller') }], to: [{ matches: word('my-controller') }] };
    expect(told(lists)).toEqual({ rules: ['thing > hub any', 'hub > thing any'], leftOut: [], answers: [] });
  });

  it('makes one rule of IPv4 and IPv6', () => {
    const six = (matches: Record<string, unknown>, side: 'src' | 'dst') => {
      const { ipv4: _, ...rest } = matches;
      return { ...rest, ipv6: { [`ietf-acldns:${side}-dnsname`]: cloud } };
    };
    const lists = {
      from: [{ matches: both }],
      to: [{ matches: back }],
      from6: [{ matches: six(both, 'dst') }],
      to6: [{ matches: six(back, 'src') }],
    };
    expect(told(lists).rules).toEqual([out]);
  });

  it.each<[string, ListsText, string[], Partial<MudImportInput>?]>([
    ['the answers are not allowed', { from: [{ matches: both }] }, ['from 1 all mud-one-way']],
    ['answers to what nobody opens', { to: [{ matches: back }] }, ['to 1 all mud-answers-nothing']],
    [
      'a port of the opener',
      {
        from: [
          {
            matches: {
              ...toName(cloud),
              udp: { 'source-port': { 'lower-port': 68 }, 'destination-port': { operator: 'eq', port: 67 } },
            },
          },
        ],
      },
      ['from 1 all mud-source-port'],
    ],
    [
      'a name without address',
      { from: [{ matches: { ...toName('who.example.com'), ...tcpTo(443) } }] },
      ['from 1 all mud-unresolved'],
    ],
    [
      'a leaf that policy has no word for',
      { from: [{ matches: { ipv4: { dscp: 46, 'ietf-acldns:dst-dnsname': cloud } } }] },
      ['from 1 all mud-match-unknown'],
    ],
    [
      'a kind of match that policy has no word for',
      { from: [{ matches: { 'egress-interface': 'x' } }] },
      ['from 1 all mud-match-unknown'],
    ],
    ['flags', { from: [{ matches: { tcp: { flags: 'syn' } } }] }, ['from 1 all mud-match-unknown']],
    [
      'an Ethernet address',
      { from: [{ matches: { eth: { 'destination-mac-address': 'ff:ff:ff:ff:ff:ff' } } }] },
      ['from 1 all mud-match-unknown'],
    ],
    [
      'a malformed network',
      { from: [{ matches: { ipv4: { 'destination-ipv4-network': '10.0.0.1/8' } } }] },
      ['from 1 all mud-match-bad'],
    ],
    [
      'a malformed port',
      { from: [{ matches: tcpTo({ operator: 'eq', 'lower-port': 80, 'upper-port': 90 }) }] },
      ['from 1 all mud-match-bad'],
    ],
    [
      'ports that end before they begin',
      { from: [{ matches: tcpTo({ 'lower-port': 90, 'upper-port': 80 }) }] },
      ['from 1 all mud-match-bad'],
    ],
    [
      'an address of the device itself',
      { from: [{ matches: { ipv4: { 'source-ipv4-network': '10.1.2.3/32' } } }] },
      ['from 1 all mud-own-address'],
    ],
    ['a name of the device itself', { to: [{ matches: toName(cloud) }] }, ['to 1 all mud-own-address']],
    ['two protocols', { from: [{ matches: { ipv4: { protocol: 17 }, tcp: {} } }] }, ['from 1 all mud-contradiction']],
    ['another IP version', { from: [{ matches: { ipv6: { protocol: 6 } } }] }, ['from 1 all mud-contradiction']],
    ['another ethertype', { from: [{ matches: { eth: { ethertype: '0x86dd' } } }] }, ['from 1 all mud-contradiction']],
    [
      'networks that share nothing',
      { from: [{ matches: { ipv4: { 'destination-ipv4-network': '8.8.8.8/32' }, ...word('local-networks') } }] },
      ['from 1 all mud-contradiction'],
    ],
    ['an ICMP code', { from: [{ matches: { icmp: { type: 3, code: 4 } } }] }, ['from 1 all mud-icmp-code']],
    ['an extension header', { from6: [{ matches: { ipv6: { protocol: 44 } } }] }, ['from6 1 all mud-extension-header']],
    [
      'a controller that nobody named',
      { from: [{ matches: word('controller', 'https://who.example.com') }] },
      ['from 1 all mud-peer-unmapped'],
    ],
    ...['local-networks', 'my-controller', 'same-manufacturer'].map(
      (kind): [string, ListsText, string[], Partial<MudImportInput>] => [
        `${kind} that nobody named`,
        { from: [{ matches: word(kind) }] },
        ['from 1 all mud-peer-unmapped'],
        { names: noNames },
      ],
    ),
    [
      'a class and a network at once',
      { from: [{ matches: { ...word('same-manufacturer'), ipv4: { 'destination-ipv4-network': '10.0.0.0/8' } } }] },
      ['from 1 all mud-peer-unmapped'],
    ],
    [
      'a class in one IP version',
      {
        from: [{ matches: { ...word('same-manufacturer'), ...tcpTo(80) } }],
        to: [{ matches: { ...word('same-manufacturer'), ...tcpFrom(80, 'from-device') } }],
      },
      ['from 1 all mud-one-family', 'to 1 all mud-answers-nothing'],
    ],
    [
      'devices that are told by address',
      { to: [{ matches: tcpTo(80) }], from: [{ matches: tcpFrom(80) }] },
      ['from 1 all mud-answers-nothing', 'to 1 all mud-covers-devices'],
    ],
  ])('leaves out %s', (_, lists, leftOut, options) => {
    expect(told(lists, options)).toEqual({ rules: [], leftOut, answers: [] });
  });

  it('takes what is one-way where a person says so', () => {
    expect(told({ from: [{ matches: both }] }, { oneWay: true })).toEqual({ rules: [out], leftOut: [], answers: [] });
  });

  it('takes what has no answers', () => {
    const lists = {
      from: [
        { matches: { ipv4: { 'destination-ipv4-network': '239.255.255.250/32' }, ...udpTo(1900) } },
        { matches: { ...word('my-controller'), icmp: { type: 3 } } },
      ],
    };
    expect(told(lists)).toEqual({
      rules: ['thing > thing-239-255-255-250 udp-1900', 'thing > hub icmp-3'],
      leftOut: [],
      answers: [],
    });
  });

  it('takes echo with its code, which is always 0, and its reply as an answer', () => {
    const lists = {
      from: [{ matches: { ...word('my-controller'), icmp: { type: 8, code: 0 } } }],
      to: [{ matches: { ...word('my-controller'), icmp: { type: 0, code: 0 } } }],
    };
    expect(told(lists)).toEqual({ rules: ['thing > hub icmp-8'], leftOut: [], answers: ['to 1'] });
  });

  it('carries the part that is answered', () => {
    const lists = {
      from: [{ matches: { ...toName(cloud), ...udpTo({ 'lower-port': 100, 'upper-port': 200 }) } }],
      to: [{ matches: { ...fromName(cloud), ...udpFrom({ operator: 'lte', port: 150 }) } }],
    };
    expect(told(lists)).toEqual({
      rules: ['thing > thing-api-example-com udp-100-150'],
      leftOut: ['from 1 some mud-one-way'],
      answers: ['to 1'],
    });
  });

  it.each<[string, ListsText, string[], string[]]>([
    [
      'a drop above cuts',
      {
        from: [
          { matches: { ...toName(cloud), ...udpTo(150) }, forwarding: 'drop' },
          { matches: { ...toName(cloud), ...udpTo({ 'lower-port': 100, 'upper-port': 200 }) } },
        ],
        to: [{ matches: fromName(cloud) }],
      },
      ['thing > thing-api-example-com udp-100-149-udp-151-200'],
      ['from 2 some mud-overlaid', 'to 1 all mud-one-way'],
    ],
    [
      'a drop below changes nothing',
      { from: [{ matches: both }, { forwarding: 'drop' }], to: [{ matches: back }, { forwarding: 'reject' }] },
      [out],
      [],
    ],
    [
      'a drop for others changes nothing',
      {
        from: [{ matches: toName('other.example.com'), forwarding: 'drop' }, { matches: both }],
        to: [{ matches: back }],
      },
      [out],
      [],
    ],
    [
      'a drop of answers stops what they would answer',
      { from: [{ matches: both }], to: [{ matches: fromName(cloud), forwarding: 'drop' }, { matches: back }] },
      [],
      ['from 1 all mud-one-way', 'to 2 all mud-overlaid'],
    ],
    [
      'a drop that can not be read stops everything below',
      { from: [{ matches: { ipv4: { dscp: 1 } }, forwarding: 'drop' }, { matches: both }], to: [{ matches: back }] },
      [],
      ['from 2 all mud-overlaid', 'to 1 all mud-answers-nothing'],
    ],
    [
      'a drop for a controller that nobody named stops its services for all',
      {
        from: [
          {
            matches: { ...word('controller', 'urn:who'), ...tcpTo({ operator: 'gte', port: 444 }) },
            forwarding: 'drop',
          },
          { matches: { ...toName(cloud), ...tcpTo({ operator: 'gte', port: 443 }) } },
        ],
        to: [{ matches: { ...fromName(cloud), ...tcpFrom(443, 'from-device') } }],
      },
      [out],
      ['from 2 some mud-overlaid'],
    ],
    [
      'a drop of IPv4 says nothing of IPv6',
      {
        from: [{ forwarding: 'drop' }],
        from6: [{ matches: { ipv6: { 'ietf-acldns:dst-dnsname': cloud }, ...tcpTo(443) } }],
        to6: [{ matches: { ipv6: { 'ietf-acldns:src-dnsname': cloud }, ...tcpFrom(443, 'from-device') } }],
      },
      [out],
      [],
    ],
  ])('%s', (_, lists, rules, leftOut) => {
    const made = told(lists);
    expect({ rules: made.rules, leftOut: made.leftOut }).toEqual({ rules, leftOut });
  });

  it('between devices of one class wants both sides to allow it', () => {
    const names = { ...baseInput.names, sameManufacturer: 'thing' };
    const six = (matches: Record<string, unknown>) => ({ matches: { ...word('same-manufacturer'), ...matches } });
    const lists = {
      from: [six(tcpTo(80)), six(tcpFrom(80))],
      from6: [six(tcpTo(80)), six(tcpFrom(80))],
      to: [six(tcpTo(80)), six(tcpFrom(80))],
      to6: [six(tcpTo(80)), six(tcpFrom(80))],
    };
    expect(told(lists, { names }).rules).toEqual(['thing > thing tcp-80']);
    const half = {
      ...lists,
      to: [six(tcpFrom(80))],
      to6: [six(tcpFrom(80))],
    };
    expect(told(half, { names })).toEqual({
      rules: [],
      leftOut: [
        'from 1 all mud-own-class',
        'from 2 all mud-answers-nothing',
        'from6 1 all mud-own-class',
        'from6 2 all mud-answers-nothing',
        'to 1 all mud-answers-nothing',
        'to6 1 all mud-answers-nothing',
      ],
      answers: [],
    });
  });
});
