import { parsePrefix, type AclEntry, type Prefix } from '#net';
import { describe, expect, it } from 'vitest';
import { eapCodes, encodeEap } from '../eap/eap-packet.js';
import { sessionKeyAttributes } from '../eap/session-keys.js';
import { readAll, readInteger, readTaggedInteger, readTaggedText } from '../attributes.js';
import { octetsAttribute } from '../build.js';
import { describeAttribute } from '../describe.js';
import { types } from '../dictionary.js';
import { codes, decodePacket, signReply, signRequest, type Packet } from '../packet.js';
import { Secret } from '../secret.js';
import { checkAuthorization, countAclEntries, renderAuthorization } from './authorization.js';
import type { Authorization } from './profile.js';
import { nasProfile, nasProfileNames } from './registry.js';

const secret = new Secret('xyzzy5461');
const entry = (host: number, over: Partial<AclEntry> = {}): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: parsePrefix(`10.10.${host >> 8}.${host & 255}`) as Prefix,
  destinationPorts: { first: 443, last: 443 },
  established: false,
  ...over,
});
const entries = (count: number): AclEntry[] => Array.from({ length: count }, (_, i) => entry(i));
const pumps = (over: Partial<Authorization> = {}): Authorization => ({
  vlan: 210,
  voice: false,
  acl: [entry(20)],
  role: 'infusion-pump',
  portAcl: 'full',
  sessionTimeout: 28_800,
  sgt: 21,
  class: Buffer.from('cordon:7f'),
  ...over,
});
const shown = (name: string, authorization = pumps()): string[] =>
  renderAuthorization(nasProfile(name)!, authorization)
    .map(describeAttribute)
    .map(({ name, value }) => `${name} = ${value}`);

/* Those that carry every ACL inline. `registry.spec.ts` says what holds for all. */
const kit = ['rfc', 'cisco-ios-xe'].map((name) => ({ name, profile: nasProfile(name)! }));

describe('renderAuthorization', () => {
  it('speaks RFC to `rfc`', () => {
    expect(shown('rfc')).toEqual([
      'Tunnel-Type = VLAN',
      'Tunnel-Medium-Type = IEEE-802',
      'Tunnel-Private-Group-Id = 210',
      'Session-Timeout = 28800',
      'Termination-Action = RADIUS-Request',
      'NAS-Filter-Rule = permit in tcp from any to 10.10.0.20 443 | deny in ip from any to any',
      'Class = 0x636f72646f6e3a3766',
    ]);
  });

  it('speaks Cisco to `cisco-ios-xe`', () => {
    expect(shown('cisco-ios-xe')).toEqual([
      'Tunnel-Type = VLAN (tag 1)',
      'Tunnel-Medium-Type = IEEE-802 (tag 1)',
      'Tunnel-Private-Group-Id = 210 (tag 1)',
      'Session-Timeout = 28800',
      'Termination-Action = RADIUS-Request',
      'Cisco-AVPair = cts:security-group-tag=0015-00',
      'Cisco-AVPair = ip:inacl#1=permit tcp any host 10.10.0.20 eq 443',
      'Cisco-AVPair = ip:inacl#2=deny ip any any',
      'Cisco-AVPair = ipv6:inacl#1=deny ipv6 any any',
      'Class = 0x636f72646f6e3a3766',
    ]);
  });

  it.each(kit)('$name: one tag throughout, and a timeout that re-authenticates', ({ profile }) => {
    const attributes = renderAuthorization(profile, pumps({ sgt: null }));
    expect(readTaggedInteger(attributes, types.tunnelType)).toEqual({ tag: profile.tunnelTag, value: 13 });
    expect(readTaggedInteger(attributes, types.tunnelMediumType)).toEqual({ tag: profile.tunnelTag, value: 6 });
    expect(readTaggedText(attributes, types.tunnelPrivateGroupId)).toEqual({ tag: profile.tunnelTag, value: '210' });
    expect(readInteger(attributes, types.sessionTimeout)).toBe(28_800);
    expect(readInteger(attributes, types.terminationAction)).toBe(1);
    expect(readAll(attributes, types.class)).toEqual([Buffer.from('cordon:7f')]);
    expect(attributes.map(describeAttribute).some(({ value }) => value.includes('security-group'))).toBe(false);
  });
});

describe.each(kit)('checkAuthorization for $name', ({ profile }) => {
  const codesOf = (authorization: Authorization, budget: number | null = null) =>
    checkAuthorization(profile, authorization, budget).map(({ code }) => code);

  it('finds nothing where all fits', () => {
    expect(codesOf(pumps(), 3)).toEqual([]);
    expect(codesOf(pumps({ acl: [] }), 2)).toEqual([]);
  });

  it('counts both families and their final denies against the budget', () => {
    const acl = [entry(1), entry(2, { family: 6, destination: null })];
    expect(countAclEntries(profile, acl)).toBe(4);
    expect(codesOf(pumps({ acl }), 4)).toEqual([]);
    expect(codesOf(pumps({ acl }), 3)).toEqual(['acl-over-budget']);
  });

  it('says a reply is too large exactly when it is, with a full Proxy-State and what 802.1X adds in it', () => {
    const request = decodePacket(
      signRequest(
        codes.accessRequest,
        1,
        [octetsAttribute(types.proxyState, Buffer.alloc(253))],
        secret,
        Buffer.alloc(16),
      ),
    ) as Packet;
    const eap = [
      octetsAttribute(types.eapMessage, encodeEap(eapCodes.success, 1)),
      ...sessionKeyAttributes(Buffer.alloc(64), request.authenticator, secret),
    ];
    const check = (count: number, length: number): string => {
      const authorization = pumps({ acl: entries(count), class: Buffer.alloc(length) });
      const attributes = [...renderAuthorization(profile, authorization), ...eap];
      const reply = signReply(request, codes.accessAccept, attributes, secret);
      expect(codesOf(authorization), `${count} entries`).toEqual(reply ? [] : ['reply-too-large']);
      return reply?.length === 4096 ? 'exact' : reply ? 'fits' : 'too large';
    };
    // The last number of entries that fits with a short Class; its length then moves over the limit byte by byte.
    let count = 1;
    while (check(count + 1, 1) !== 'too large') count++;
    const verdicts = new Set(Array.from({ length: 253 }, (_, i) => check(count, i + 1)));
    expect(verdicts).toEqual(new Set(['fits', 'exact', 'too large']));
  });

  it.each<[Partial<Authorization>]>([
    [{ vlan: 0 }],
    [{ vlan: 4095 }],
    [{ vlan: 1.5 }],
    [{ sessionTimeout: 0 }],
    [{ sessionTimeout: 2 ** 32 }],
    [{ sgt: 65_536 }],
    [{ class: Buffer.alloc(0) }],
    [{ class: Buffer.alloc(254) }],
  ])('refuses %j', (over) => {
    expect(codesOf(pumps(over))).toEqual(['value-out-of-range']);
  });

  it('refuses an entry that has no words', () => {
    const found = checkAuthorization(profile, pumps({ acl: [entry(1), entry(2, { protocol: null })] }), null);
    expect(found).toMatchObject([{ severity: 'error', code: 'acl-entry-not-expressible' }]);
    expect(found[0]?.summary).toContain('entry 2');
  });
});

describe('nasProfile', () => {
  it('knows its names and no other', () => {
    expect(nasProfileNames).toEqual([
      'rfc',
      'cisco-ios-xe',
      'cisco-ios-xe-dacl',
      'aruba-cx',
      'aruba-os-switch',
      'juniper-ex',
      'extreme-exos',
      'fortiswitch',
      'ruckus-icx',
      'mikrotik',
      'huawei',
    ]);
    expect(nasProfile('constructor')).toBeNull();
  });

  it('counts one ACE per ICMP type for Cisco', () => {
    const echo = entry(1, { protocol: 1, destinationPorts: { first: 0, last: 9 } });
    expect(countAclEntries(nasProfile('cisco-ios-xe')!, [echo])).toBe(12);
    expect(countAclEntries(nasProfile('rfc')!, [echo])).toBe(3);
  });
});
