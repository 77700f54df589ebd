import fc from 'fast-check';
import { matchAcl, PacketSpace, type AclEntry } from '#net';
import { describe, expect, it } from 'vitest';
import { aclPackets } from '../acl-packets.js';
import type { Attribute } from '../packet.js';
import { line, port, prefix } from '../spec/samples.js';
import { renderPortAcl } from './authorization.js';
import { nasProfile } from './registry.js';
import { verifyAcl } from './verify-acl.js';

/** Every line decides some packet that no other line decides in the same way, and the first two decide by their order. */
const acl: readonly AclEntry[] = [
  line({ action: 'deny', destination: prefix('10.1.0.9') }),
  line({ destination: prefix('10.1.0.0/16'), destinationPorts: port(443) }),
  line({ destination: prefix('10.2.0.0/16'), sourcePorts: port(3613), established: true }),
  line({ protocol: 17, destination: prefix('10.3.0.0/16'), destinationPorts: port(5000, 5010) }),
  line({ family: 6, destination: prefix('fd10::/64'), destinationPorts: port(443) }),
  line({ family: 6, protocol: 58, destinationPorts: port(135, 136) }),
];

const entries: fc.Arbitrary<AclEntry[]> = fc.array(
  fc.record({
    action: fc.constantFrom('permit' as const, 'deny' as const),
    family: fc.constant(4 as const),
    protocol: fc.constantFrom(6, 17),
    sourcePorts: fc.constantFrom(null, port(1), port(1, 3)),
    destination: fc.constantFrom(null, prefix('10.0.0.0/31'), prefix('10.0.0.1')),
    destinationPorts: fc.constantFrom(null, port(2), port(2, 4)),
    established: fc.constant(false),
  }),
  { maxLength: 6 },
);

describe('the meaning of a port ACL as a set', () => {
  it('is what it says of each packet', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const set = aclPackets(new PacketSpace(), list);
        for (const protocol of [6, 17])
          for (const value of [0x0a00_0000n, 0x0a00_0001n, 0x0a00_0002n])
            for (const sourcePort of [1, 2])
              for (const port of [2, 4, 5]) {
                const destination = { family: 4 as const, value };
                const source = { family: 4 as const, value: 7n };
                const packet = { destination, protocol, sourcePort, established: false };
                expect(set.has({ ...packet, source, port })).toBe(
                  matchAcl(list, { ...packet, destinationPort: port }) === 'permit',
                );
              }
      }),
    );
  });
});

/* Those that have words for everything. `registry.spec.ts` asks the same of all profiles, as far as their words go. */
describe.each(['rfc', 'cisco-ios-xe'])('a port ACL in the words of profile `%s`', (name) => {
  const profile = nasProfile(name)!;
  const wanted = (acl: readonly AclEntry[]) => ({ acl, role: 'pump', portAcl: 'full' as const });
  const render = (acl: readonly AclEntry[]) => renderPortAcl(profile, wanted(acl));
  const verify = (of: readonly AclEntry[], attributes: readonly Attribute[]) =>
    verifyAcl(new PacketSpace(), profile, wanted(of), attributes);

  it('is proved', () => expect(verify(acl, render(acl))).toBeNull());

  it('is proved for any list, and for none', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(verify(list, render(list))).toBeNull();
      }),
    );
  });

  it.each(acl.map((_, i) => [i + 1, i] as const))('is refuted without line %i, by a packet', (_, i) => {
    const found = verify(acl, render(acl.toSpliced(i, 1)));
    expect(found).toMatchObject({ code: 'artefact-differs' });
    expect(found?.summary).toMatch(
      i === 0 ? /^the switch would permit tcp\/443 to 10\.1\.0\.9/ : /^the switch would drop/,
    );
  });

  it('is refuted with two lines swapped, a port changed, a family dropped, a prefix widened', () => {
    const [first, second, third, ...rest] = acl as [AclEntry, AclEntry, AclEntry, ...AclEntry[]];
    for (const wrong of [
      [second, first, third, ...rest],
      [first, { ...second, destinationPorts: port(444) }, third, ...rest],
      [first, second, { ...third, established: false }, ...rest],
      [first, { ...second, destination: prefix('10.0.0.0/8') }, third, ...rest],
      acl.filter(({ family }) => family === 4),
      acl.filter(({ family }) => family === 6),
      [],
    ])
      expect(verify(acl, render(wrong))).toMatchObject({ code: 'artefact-differs' });
  });

  it('is the same in other lines of the same meaning', () => {
    const halves = [
      line({ destination: prefix('10.1.0.0/17'), destinationPorts: port(443) }),
      line({ destination: prefix('10.1.128.0/17'), destinationPorts: port(443) }),
    ];
    const whole = [line({ destination: prefix('10.1.0.0/16'), destinationPorts: port(443) })];
    expect(verify(whole, render(halves))).toBeNull();
  });

  it('is refused when it is not understood or not there', () => {
    expect(verify(acl, [])?.summary).toContain('not understood');
    expect(verify(acl, render(acl).slice(0, -1))).toMatchObject({ code: 'artefact-differs' });
  });
});

it('an ACL in words of another make beside the own is refused', () => {
  const rfc = nasProfile('rfc')!;
  const wanted = { acl, role: 'pump', portAcl: 'full' as const };
  const foreign = renderPortAcl(nasProfile('cisco-ios-xe')!, wanted);
  const found = verifyAcl(new PacketSpace(), rfc, wanted, [...renderPortAcl(rfc, wanted), ...foreign]);
  expect(found?.summary).toContain('there is an ACL in ip:inacl');
});
