import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryAuthority } from '../../test/certificates.js';
import { Trust } from './trust.js';

const now = new Date();
const mac = '00:1a:2b:3c:4d:5e';

describe('which device a certificate is of', () => {
  let authority: MemoryAuthority;

  beforeAll(async () => {
    authority = await MemoryAuthority.create();
  });

  const trustIn = (pattern: string, from: 'dns-name' | 'uri' | 'email' | 'common-name' | 'serial-number'): Trust =>
    new Trust([
      {
        name: 'own',
        certificates: authority.certificate,
        revocationLists: null,
        ocsp: null,
        devices: [{ from, pattern }],
      },
    ]);

  it.each([
    ['dns-name', '{mac}.devices.test', 'CN=a', { type: 'dns', value: '00-1a-2b-3c-4d-5e.devices.test' }],
    ['dns-name', 'PUMP-{mac}.Devices.Test', 'CN=a', { type: 'dns', value: 'pump-001A2B3C4D5E.devices.test' }],
    ['uri', 'urn:device:{mac}', 'CN=a', { type: 'url', value: 'urn:device:00:1a:2b:3c:4d:5e' }],
    ['email', '{mac}@devices.test', 'CN=a', { type: 'email', value: '001a2b3c4d5e@devices.test' }],
    ['common-name', '{mac}', 'CN=00:1A:2B:3C:4D:5E', null],
    ['serial-number', 'SN-{mac}', '2.5.4.5=SN-001a2b3c4d5e, CN=a', null],
  ] as const)('is told by %s, %s', async (from, pattern, subject, name) => {
    const { certificate } = await authority.issue(subject, 'clientAuth', name ? [name] : []);
    expect(trustIn(pattern, from).judge(new X509Certificate(certificate), now)).toMatchObject({ mac, serial: null });
  });

  it.each([
    ['serial-number', '{serial}', '2.5.4.5=4711-A, CN=a', null, '4711-A'],
    ['serial-number', 'PID:Pump-7 SN:{serial}', '2.5.4.5=PID:PUMP-7 SN:FCW21, CN=a', null, 'FCW21'],
    ['common-name', 'pump-{serial}', 'CN=pump-4711', null, '4711'],
    ['dns-name', '{serial}.maker.test', 'CN=a', { type: 'dns', value: '4711.maker.test' }, '4711'],
    ['uri', 'urn:maker:{serial}', 'CN=a', { type: 'url', value: 'urn:maker:4711' }, '4711'],
  ] as const)('is told with a serial number by %s, %s', async (from, pattern, subject, name, serial) => {
    const { certificate } = await authority.issue(subject, 'clientAuth', name ? [name] : []);
    expect(trustIn(pattern, from).judge(new X509Certificate(certificate), now)).toMatchObject({ mac: null, serial });
  });

  it('is not told by the number of the certificate itself', async () => {
    const { certificate } = await authority.issue('CN=a', 'clientAuth', []);
    const judgement = trustIn('{serial}', 'serial-number').judge(new X509Certificate(certificate), now);
    expect('reason' in judgement && judgement.reason).toMatch(/no name/);
  });

  it.each([
    ['another name around it', [{ type: 'dns', value: '00-1a-2b-3c-4d-5e.devices.test.evil.test' }], /no name/],
    ['only the name around it', [{ type: 'dns', value: '.devices.test' }], /no name/],
    ['the name in another field', [{ type: 'email', value: '00-1a-2b-3c-4d-5e.devices.test' }], /no name/],
    [
      'two devices',
      [
        { type: 'dns', value: '00-1a-2b-3c-4d-5e.devices.test' },
        { type: 'dns', value: '00-1a-2b-3c-4d-60.devices.test' },
      ],
      /more than one device/,
    ],
  ] as const)('is not told with %s', async (_, names, reason) => {
    const { certificate } = await authority.issue('CN=a', 'clientAuth', [...names]);
    const judgement = trustIn('{mac}.devices.test', 'dns-name').judge(new X509Certificate(certificate), now);
    expect('reason' in judgement && judgement.reason).toMatch(reason);
  });

  it('is no device’s when an authority of the same name issued it', async () => {
    const stranger = await MemoryAuthority.create();
    const { certificate } = await stranger.issue('CN=00:1a:2b:3c:4d:5e', 'clientAuth', []);
    const judgement = trustIn('{mac}', 'common-name').judge(new X509Certificate(certificate), now);
    expect('reason' in judgement && judgement.reason).toMatch(/no authority of the policy issued/);
  });

  it('is by the rules of the authority that issued it, and of no other', async () => {
    const other = await MemoryAuthority.create('other');
    const trust = new Trust([
      {
        name: 'own',
        certificates: authority.certificate,
        revocationLists: null,
        ocsp: null,
        devices: [{ from: 'common-name', pattern: 'own-{mac}' }],
      },
      {
        name: 'other',
        certificates: other.certificate,
        revocationLists: null,
        ocsp: null,
        devices: [{ from: 'common-name', pattern: 'other-{mac}' }],
      },
    ]);
    const judge = async (by: MemoryAuthority, subject: string) =>
      trust.judge(new X509Certificate((await by.issue(subject, 'clientAuth', [])).certificate), now);
    expect(await judge(authority, `CN=own-${mac}`)).toMatchObject({ mac });
    expect(await judge(other, `CN=other-${mac}`)).toMatchObject({ mac });
    expect(await judge(other, `CN=own-${mac}`)).toHaveProperty('reason');
  });

  it('says which file is of no use', async () => {
    const { certificate } = await authority.issue('CN=a', 'clientAuth', []);
    const trust = (certificates: string, revocationLists: string | null) => () =>
      new Trust([{ name: 'own', certificates, revocationLists, ocsp: null, devices: [] }]);
    expect(trust('nothing', null)).toThrow('authority `own`: there is no CERTIFICATE in PEM in its file');
    expect(trust(certificate, null)).toThrow('is not a certificate of an authority');
    expect(trust(authority.certificate, 'nothing')).toThrow('there is no X509 CRL in PEM');
  });

  it('wants a revocation list of the issuer where lists are kept', async () => {
    const other = await MemoryAuthority.create('other');
    const lists = await other.revocationList();
    const trust = new Trust([
      {
        name: 'own',
        certificates: authority.certificate,
        revocationLists: lists,
        ocsp: null,
        devices: [{ from: 'common-name', pattern: '{mac}' }],
      },
    ]);
    const { certificate } = await authority.issue(`CN=${mac}`, 'clientAuth', []);
    expect(trust.judge(new X509Certificate(certificate), now)).toEqual({
      reason: 'authority `own` has no revocation list of this issuer',
    });
  });
});
