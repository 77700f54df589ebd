import fc from 'fast-check';
import { PacketSpace, type AclEntry, type Family } from '#net';
import { describe, expect, it } from 'vitest';
import { aclPackets } from '../acl-packets.js';
import { readTaggedInteger } from '../attributes.js';
import { ciscoAvPairAttribute } from '../build.js';
import { describeAttribute } from '../describe.js';
import { types } from '../dictionary.js';
import { coaRequest, disconnectRequest } from '../dynamic-authorization.js';
import { codes, signReply, zeroAuthenticator, type Attribute } from '../packet.js';
import { Secret } from '../secret.js';
import { line, port, prefix, session } from '../spec/samples.js';
import { carriersOf } from './acl-form.js';
import { checkAuthorization, countAclEntries, renderAuthorization, renderPortAcl } from './authorization.js';
import { filterName } from './filter-name.js';
import type { Authorization, NasProfile, PortAclScope, SessionIdentification } from './profile.js';
import { nasProfile, nasProfileNames } from './registry.js';
import { formOf } from './told-acl.js';
import { verifyAcl } from './verify-acl.js';

/*
 * What holds for every profile, whatever its make: what a switch is told means the ACL, or it is told nothing; and a session is named
 * so that the make finds it.
 */

const entryOf = (family: Family): fc.Arbitrary<AclEntry> =>
  fc.record({
    action: fc.constantFrom('permit' as const, 'deny' as const),
    family: fc.constant(family),
    protocol: fc.constantFrom(6, 17),
    // Mostly without, so that makes that have no words for these get lists to say, too.
    sourcePorts: fc.constantFrom(null, null, null, null, null, null, port(1), port(1, 3)),
    destination: fc.constantFrom(
      null,
      ...(family === 4 ? ['10.0.0.0/31', '10.0.0.1'] : ['fd10::/64', 'fd10::1']).map(prefix),
    ),
    destinationPorts: fc.constantFrom(null, port(2), port(2, 4)),
    established: fc.constant(false),
  });
const anyAcl = fc.array(fc.oneof(entryOf(4), entryOf(6)), { maxLength: 5 });

/** The scope that a switch of this make needs in nas.yaml. */
const scopeOf = ({ aclFamilies }: NasProfile): PortAclScope =>
  aclFamilies.length === 2 ? 'full' : aclFamilies.length === 1 ? 'ipv4-only' : 'none';

const kit = nasProfileNames.map((name) => ({ name, profile: nasProfile(name)! }));
const at = new Date('2026-11-23T19:00:00Z');
const shown = (attributes: readonly Attribute[]): string[] =>
  attributes.map(describeAttribute).map(({ name, value }) => `${name} = ${value}`);

describe.each(kit)('profile $name', ({ name, profile }) => {
  const scope = scopeOf(profile);
  const wanted = (over: Partial<Authorization> = {}): Authorization => ({
    vlan: 210,
    voice: false,
    acl: [line({ destination: prefix('10.1.0.0/16'), destinationPorts: port(443) })],
    role: 'infusion-pump',
    portAcl: scope,
    sessionTimeout: 28_800,
    sgt: null,
    class: Buffer.from('cordon:7f'),
    ...over,
  });
  const codesOf = (over: Partial<Authorization>, budget: number | null = null): string[] =>
    checkAuthorization(profile, wanted(over), budget).map(({ code }) => code);
  const enforced = (acl: readonly AclEntry[]) => acl.filter(({ family }) => profile.aclFamilies.includes(family));

  it('is found by its name and says what it is about', () => {
    expect(profile.name).toBe(name);
    expect(profile.onTheSwitch.length).toBeGreaterThan(0);
    expect(profile.limits.length).toBeGreaterThan(0);
  });

  it('means what any list says, packet for packet, or refuses it', () => {
    const space = new PacketSpace();
    let said = 0;
    fc.assert(
      fc.property(anyAcl, (acl) => {
        const authorization = wanted({ acl });
        const refused = checkAuthorization(profile, authorization, null);
        if (refused.length > 0) {
          expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['acl-entry-not-expressible']));
          expect(() => renderAuthorization(profile, authorization)).toThrow(TypeError);
          return;
        }
        said++;
        const attributes = renderAuthorization(profile, authorization);
        expect(verifyAcl(space, profile, authorization, attributes)).toBeNull();
      }),
      { numRuns: 60 },
    );
    expect(said).toBeGreaterThan(10);
  });

  it('is refuted when another list is told than is wanted', () => {
    const space = new PacketSpace();
    fc.assert(
      fc.property(anyAcl, anyAcl, (acl, other) => {
        if (!formOf(profile, enforced(acl)) || !formOf(profile, enforced(other))) return;
        const attributes = renderPortAcl(profile, wanted({ acl: other }));
        const [meant, told] = [enforced(acl), enforced(other)].map((list) => aclPackets(space, list));
        const verdict = verifyAcl(space, profile, wanted({ acl }), attributes);
        if (!meant!.equals(told!)) expect(verdict).toMatchObject({ code: 'artefact-differs' });
      }),
      { numRuns: 60 },
    );
  });

  it('is in the same words for the next session as worded anew', () => {
    const anew = (of: ReturnType<typeof wanted>) => renderPortAcl(profile, { ...of, acl: [...of.acl] });
    fc.assert(
      fc.property(
        anyAcl,
        fc.array(fc.constantFrom('pumps', 'scanners'), { minLength: 2, maxLength: 4 }),
        (acl, roles) => {
          if (!formOf(profile, enforced(acl))) return;
          for (const role of roles) {
            const of = { ...wanted({ acl }), role };
            expect(renderPortAcl(profile, of)).toEqual(anew(of));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is refuted without its ACL, and with that of another make beside its own', () => {
    const space = new PacketSpace();
    const own = renderPortAcl(profile, wanted());
    for (const other of kit) {
      const foreign = renderPortAcl(other.profile, wanted({ portAcl: scopeOf(other.profile), acl: [] }));
      const added = foreign.flatMap(carriersOf).some((carrier) => !own.flatMap(carriersOf).includes(carrier));
      if (added)
        expect(verifyAcl(space, profile, wanted(), [...own, ...foreign])?.summary).toContain('there is an ACL in');
    }
    if (scope !== 'none') expect(verifyAcl(space, profile, wanted(), [])).not.toBeNull();
  });

  it('never says of a condition that it has no words for anything but that', () => {
    const odd = line({ protocol: null, destinationPorts: port(443) });
    if (scope !== 'none') expect(codesOf({ acl: [line(), odd] })).toContain('acl-entry-not-expressible');
    for (const form of profile.aclForms) {
      expect(form.renderEntry(odd)).toBeNull();
      for (const entry of [
        line({ sourcePorts: port(3613), established: true }),
        line({ protocol: 17, sourcePorts: port(68), destinationPorts: port(67) }),
        line({ protocol: 1, destinationPorts: port(8) }),
      ]) {
        const text = form.renderEntry(entry)?.join();
        if (text) expect(text).toMatch(/3613.*established|68.*67|\b8\b/);
      }
    }
  });

  it('enforces the whole ACL, or nas.yaml must say that something else does', () => {
    const permitsAll = ([4, 6] as const).map((family) => line({ family, protocol: null }));
    const verdicts = (['full', 'ipv4-only', 'none'] as const).map((portAcl) => codesOf({ portAcl })[0] ?? 'fits');
    expect(verdicts).toEqual(
      scope === 'full'
        ? ['fits', 'port-acl-not-enforced', 'fits']
        : scope === 'ipv4-only'
          ? ['port-acl-not-enforced', 'fits', 'fits']
          : ['port-acl-not-enforced', 'port-acl-not-enforced', 'fits'],
    );
    expect(codesOf({ portAcl: 'full', acl: permitsAll })).toEqual([]);
    expect(codesOf({ portAcl: 'full', acl: [] })).toEqual(scope === 'full' ? [] : ['port-acl-not-enforced']);
    if (scope !== 'full') expect(() => renderAuthorization(profile, wanted({ portAcl: 'full' }))).toThrow(TypeError);
    const bare = renderAuthorization(profile, wanted({ portAcl: 'none' }));
    expect(bare.flatMap(carriersOf)).toEqual([]);
    expect(verifyAcl(new PacketSpace(), profile, wanted({ portAcl: 'none' }), bare)).toBeNull();
    expect(countAclEntries(profile, wanted().acl, 'none')).toBe(0);
  });

  it('takes what nas.yaml and the make say that it takes, and no more', () => {
    if (scope === 'none') return;
    const closing = profile.aclFamilies.length;
    const most = profile.mostAclEntries ?? 60;
    const acl = Array.from({ length: most - closing }, (_, i) => line({ destinationPorts: port(i + 1) }));
    expect(codesOf({ acl }, profile.mostAclEntries === null ? most : null)).not.toContain('acl-over-budget');
    expect(codesOf({ acl: [...acl, line()] }, profile.mostAclEntries === null ? most : null)).toEqual([
      'acl-over-budget',
    ]);
    expect(codesOf({ acl: acl.slice(0, 3) }, closing + 2)).toEqual(['acl-over-budget']);
  });

  it('fits one packet when it says so, each attribute within its length', () => {
    const secret = new Secret('xyzzy5461');
    for (const count of [0, 1, 40, 90, 400]) {
      const acl = Array.from({ length: count }, (_, i) => line({ destination: prefix(`10.1.${i >> 8}.${i & 255}`) }));
      if (codesOf({ acl }).length > 0) continue;
      const attributes = renderAuthorization(profile, wanted({ acl }));
      for (const { value } of attributes) expect(value.length).toBeLessThanOrEqual(253);
      const request = { id: 1, authenticator: zeroAuthenticator, attributes: [] };
      expect(signReply(request, codes.accessAccept, attributes, secret)).not.toBeNull();
    }
  });

  it('gives the VLAN by the three Tunnel attributes of one tag', () => {
    const attributes = profile.renderVlan(210);
    expect(readTaggedInteger(attributes, types.tunnelType)).toEqual({ tag: profile.tunnelTag, value: 13 });
    expect(readTaggedInteger(attributes, types.tunnelMediumType)).toEqual({ tag: profile.tunnelTag, value: 6 });
    expect(shown(attributes).join()).toContain('Tunnel-Private-Group-Id = 210');
  });

  it('tells of a voice segment in other words than of a data segment, or refuses it', () => {
    if (profile.renderVoiceVlan) {
      const voice = shown(renderAuthorization(profile, wanted({ voice: true, vlan: 340 })));
      expect(voice).not.toEqual(shown(renderAuthorization(profile, wanted({ vlan: 340 }))));
      expect(voice.join()).toContain('340');
    } else {
      expect(codesOf({ voice: true })).toEqual(['voice-not-expressible']);
      expect(() => renderAuthorization(profile, wanted({ voice: true }))).toThrow(TypeError);
    }
  });

  it('sends a security group tag where the make has one', () => {
    const tagged = shown(renderAuthorization(profile, wanted({ sgt: 21 })));
    const untagged = shown(renderAuthorization(profile, wanted({ sgt: null })));
    expect(tagged.filter((text) => !untagged.includes(text))).toEqual(
      profile.renderSgt ? ['Cisco-AVPair = cts:security-group-tag=0015-00'] : [],
    );
  });

  it('names a session by what the make looks at, in its own spelling', () => {
    const named = profile.identifySession(session).map(describeAttribute);
    const names = named.map(({ name: attribute, value }) =>
      value.startsWith('audit-session-id=') ? 'audit-session-id' : attribute,
    );
    expect(names).toEqual([...profile.sessionParts]);
    expect(named.find(({ name: attribute }) => attribute === 'Calling-Station-Id')?.value).toBe('00-1A-2B-3C-4D-5E');
  });

  it('names the device and its time in every request, also where the switch told little', () => {
    const unknown = Object.fromEntries(Object.keys(session).map((key) => [key, null]));
    const bare = { ...(unknown as unknown as SessionIdentification), mac: session.mac };
    const request = shown(disconnectRequest(profile, bare, at));
    expect(request).toContain('Calling-Station-Id = 00-1A-2B-3C-4D-5E');
    expect(request).toContain('Event-Timestamp = 2026-11-23T19:00:00.000Z');
    if (name === 'aruba-cx') expect(request).toContain('User-Name = 00-1A-2B-3C-4D-5E');
  });

  it('tells what the device says of itself where the make has Device Sensor, and is not asked for it elsewhere', () => {
    const told = ciscoAvPairAttribute('lldp-tlv=\u0000\u0005\u0000\u0004pump');
    const sensed = profile.readSensed?.([told]) ?? null;
    expect(sensed).toEqual(name.startsWith('cisco-') ? { 'lldp-system-name': 'pump' } : null);
  });

  it('is told of a change in the way that it takes', () => {
    const change = () => shown(coaRequest(profile, session, wanted({ vlan: 666 }), at));
    const how = profile.changeOfAuthorization;
    if (how === 'disconnect') expect(change).toThrow(TypeError);
    else if (how === 'push') expect(change().join()).toContain('Tunnel-Private-Group-Id = 666');
    else {
      expect(change()).toEqual(expect.arrayContaining(shown(profile.reauthenticate!())));
      expect(change().join()).not.toContain('666');
    }
  });
});

describe('the name of a port ACL', () => {
  const acl = [line({ destination: prefix('10.1.0.0/16') }), line({ protocol: 17 }), line({ family: 6 })];
  const nameOf = (entries: readonly AclEntry[], role = 'infusion-pump') => filterName({ role, entries });

  it('is the class and a hash, at most 44 characters of those that every make takes', () => {
    expect(nameOf(acl)).toMatch(/^cordon-infusion-pump-[0-9a-f]{16}$/);
    expect(nameOf(acl, 'x'.repeat(64))).toHaveLength(44);
    expect(nameOf([])).toMatch(/^cordon-infusion-pump-[0-9a-f]{16}$/);
  });

  it('is another one when any condition of any entry, or their order, is', () => {
    const changes: Partial<AclEntry>[] = [
      { action: 'deny' },
      { family: 6 },
      { protocol: 17 },
      { protocol: null },
      { sourcePorts: port(1) },
      { destination: prefix('10.1.0.0/17') },
      { destination: null },
      { destinationPorts: port(443) },
      { destinationPorts: port(0, 443) },
      { established: true },
    ];
    const others = [
      ...changes.map((change) => acl.with(0, { ...acl[0]!, ...change })),
      acl.slice(1),
      acl.toReversed(),
      [...acl, ...acl],
    ];
    expect(new Set([acl, ...others].map((entries) => nameOf(entries))).size).toBe(others.length + 1);
  });

  it('stays what it is: lists stand under it on switches', () => {
    expect(nameOf(acl)).toBe('cordon-infusion-pump-97bb1589a02507a0');
  });
});
