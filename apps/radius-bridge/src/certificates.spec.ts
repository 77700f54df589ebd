import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryAuthority } from '../test/certificates.js';
import { alternativeNames, subjectNames } from './certificates.js';

describe('names in a certificate', () => {
  let authority: MemoryAuthority;

  beforeAll(async () => {
    authority = await MemoryAuthority.create();
  });

  it.each([
    ['a comma and the next name', 'a.test, DNS:b.test'],
    ['quotes', '"a.test", "DNS:b.test"'],
    ['a backslash', 'a\\", DNS:b.test'],
    ['a line end', 'a.test\nDNS:b.test'],
    ['a NUL', 'a.test\0.b.test'],
    ['nothing', ''],
  ])('are those that it was issued with: %s', async (_, value) => {
    const names = [
      { type: 'dns', value },
      { type: 'url', value: 'urn:device:1' },
    ] as const;
    const issued = new X509Certificate((await authority.issue('CN=a', 'clientAuth', [...names])).certificate);
    const named = alternativeNames(issued);
    expect(named('DNS')).toEqual([value]);
    expect(named('URI')).toEqual(['urn:device:1']);
    expect(named('email')).toEqual([]);
  });

  it('are those that it was issued with, whatever stands in them', async () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'b', ',', ':', '"', '\\', ' ', '\n', '\0'), maxLength: 12 });
    const name = fc.record({ type: fc.constantFrom('dns', 'url', 'email'), value });
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 4 }), async (names) => {
        const { certificate } = await authority.issue('CN=a', 'clientAuth', names);
        const named = alternativeNames(new X509Certificate(certificate));
        for (const [type, kind] of [
          ['dns', 'DNS'],
          ['url', 'URI'],
          ['email', 'email'],
        ] as const)
          // prettier-ignore
          expect(named(kind)).toEqual(names.filter((one) => one.type === type).map(({ value }) => value));
      }),
      { numRuns: 60 },
    );
  });

  it.each(['DNS:a", DNS:b', 'DNS', 'DNS:"a', 'DNS:"a"b', ' , '])('there are none in %s', (subjectAltName) => {
    expect(alternativeNames({ subjectAltName })('DNS')).toEqual([]);
  });

  it('addresses are read', async () => {
    const names = [
      { type: 'ip', value: '192.0.2.1' },
      { type: 'ip', value: '2001:db8::1' },
    ] as const;
    const issued = new X509Certificate((await authority.issue('CN=a', 'clientAuth', [...names])).certificate);
    expect(alternativeNames(issued)('IP Address')).toEqual(['192.0.2.1', '2001:DB8:0:0:0:0:0:1']);
  });

  it('a subject may have several, and what looks like another field is none', async () => {
    const subject = 'CN=a\\, CN\\=b, CN=c, O="x, CN=d"';
    const issued = new X509Certificate((await authority.issue(subject, 'clientAuth', [])).certificate);
    expect(subjectNames(issued, 'CN')).toEqual(['a, CN=b', 'c']);
    expect(subjectNames(issued, 'serialNumber')).toEqual([]);
  });
});
