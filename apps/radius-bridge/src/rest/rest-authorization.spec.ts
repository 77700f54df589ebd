import { beforeAll, describe, expect, it } from 'vitest';
import { X509Certificate } from 'node:crypto';
import type { Mac } from '#net';
import type { AuthenticationNote, Recorder } from '../journal/recorder.js';
import { MemoryAuthority, type Issued } from '../../test/certificates.js';
import { testParts, testSecret } from '../../test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../test/sample-policy.js';
import { DecisionIds } from '../authentication/decision-id.js';
import { DecisionRecorder } from '../authentication/decision-recorder.js';
import { ClaimedCertificates, oneLine, readAsn1Time } from './claimed-certificates.js';
import { RestAuthorization } from './rest-authorization.js';

const pump = '00:1a:2b:3c:4d:5e' as Mac;
const other = '00:1a:2b:3c:4d:60' as Mac;
const day = 24 * 60 * 60 * 1000;
type Values = Readonly<Record<string, readonly (string | number)[]>>;

const eapYaml = (more = ''): string =>
  [
    'certificate: "file:none.pem"',
    'key: "file:none.key"',
    'methods: [tls, peap]',
    'authorities:',
    `  own: { certificates: "file:ca", revocationLists: "file:crl", devices: [{ from: dns-name, pattern: "{mac}.devices.test" }, { from: serial-number, pattern: "{mac}" }]${more} }`,
  ].join('\n');

const asn1 = (at: Date): string =>
  at
    .toISOString()
    .slice(2)
    .replaceAll(/[-:T]|\.\d+/g, '');

describe('what FreeRADIUS asks', () => {
  let authority: MemoryAuthority;
  let certificate: Values;
  let revoked: Issued;
  let list: string;

  function claimOf(issued: Issued, name = '00-1a-2b-3c-4d-5e.devices.test'): Values {
    const { serialNumber, validFromDate, validToDate } = new X509Certificate(issued.certificate);
    return {
      'EAP-Type': ['TLS'],
      'EAP-Message': ['0x02010006 0d00'],
      'TLS-Client-Cert-Serial': [serialNumber],
      'TLS-Client-Cert-Valid-Since': [asn1(validFromDate)],
      'TLS-Client-Cert-Expiration': [asn1(validToDate)],
      'TLS-Client-Cert-Issuer': ['/CN=authority'],
      'TLS-Client-Cert-Common-Name': ['pump'],
      'TLS-Client-Cert-Subject-Alt-Name-Dns': [name],
    };
  }

  beforeAll(async () => {
    authority = await MemoryAuthority.create();
    certificate = claimOf(await authority.issue('CN=pump', 'clientAuth', []));
    revoked = await authority.issue('CN=lost', 'clientAuth', []);
    list = await authority.revocationList([revoked.serial]);
  });

  function bridgeWith(eap = eapYaml()) {
    const snapshot = sampleSnapshot({
      'network/eap.yaml': eap,
      'network/proxies.yaml':
        'fr: { address: 127.0.0.9, secret: "env:P", restToken: "env:T", for: [switch-rfc, switch-cisco] }',
      'rules/access.csv': `${sampleFiles['rules/access.csv']}\np2, infusion-pump, everywhere, verified, pumps-watched, always, "by certificate"`,
    });
    const parts = testParts(snapshot);
    const notes: AuthenticationNote[] = [];
    const recorder = { authentication: (note) => void notes.push(note) } as Pick<
      Recorder,
      'authentication'
    > as Recorder;
    const changes = [pump, other].map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' as const }));
    parts.devices.apply(false, 1, changes);
    parts.credentials.apply(
      false,
      1,
      [pump, other].map((mac, i) => ({ username: `pump-${i + 1}`, mac, passwordHash: null, ntHash: '00'.repeat(16) })),
    );
    const files: Record<string, string> = { 'file:ca': authority.certificate, 'file:crl': list };
    const certificates = new ClaimedCertificates(
      (reference) => (files[reference] === undefined ? { problem: 'no such file' } : { secret: files[reference] }),
      () => undefined,
    );
    certificates.configure(snapshot.eap);
    const ids = new DecisionIds();
    const decisions = new DecisionRecorder({ ...parts, recorder }, ids, Date.now);
    const rest = new RestAuthorization({ ...parts, certificates, decisions }, ids, Date.now, null);
    return { ...parts, rest, notes };
  }

  const basic: Values = {
    'User-Name': ['anonymous'],
    'Calling-Station-Id': ['00-1A-2B-3C-4D-5E'],
    'NAS-IP-Address': ['127.0.0.1'],
    'NAS-Port': [7],
  };
  const mac: Values = { ...basic, 'User-Name': ['001a2b3c4d5e'] };
  const inner = (name: string): Values => ({ ...basic, 'EAP-Type': ['PEAP'], 'Cordon-Inner-User': [name] });
  const bodyOf = (values: Values) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { type: 'string', value }]));

  function ask(values: Values, token: string | null = testSecret, eap?: string) {
    const bridge = bridgeWith(eap);
    const { status, body } = bridge.rest.answer(token, bodyOf(values));
    const vlan = body['reply:Tunnel-Private-Group-Id']?.value[0] ?? null;
    const reason = String(body['request:Module-Failure-Message']?.value[0] ?? '');
    return { ...bridge, status, vlan, reason };
  }

  it('by MAC is answered with the VLAN of the switch, and recorded', () => {
    const { status, vlan, notes, sessions } = ask(mac);
    expect([status, vlan]).toEqual([200, '210']);
    expect(notes).toMatchObject([{ mac: pump, nas: 'switch-rfc', nasPort: '7', outcome: 'accept', method: 'mac' }]);
    expect(sessions.openAt(pump, 'switch-rfc', '7')?.session.nasAddress).toBe('127.0.0.1');
  });

  it('by certificate is answered with the VLAN of the verified', () => {
    const { status, vlan, notes } = ask({ ...basic, ...certificate });
    expect([status, vlan]).toEqual([200, '211']);
    expect(notes).toMatchObject([{ outcome: 'accept', method: 'certificate' }]);
  });

  it('by a certificate with a serial number is answered as the inventory has it', () => {
    const eap = eapYaml().replace(
      'from: dns-name, pattern: "{mac}.devices.test"',
      'from: common-name, pattern: "{serial}"',
    );
    const bridge = bridgeWith(eap);
    const record = { mac: pump, class: 'infusion-pump', posture: 'normal' as const };
    const values = { ...basic, ...certificate, 'TLS-Client-Cert-Common-Name': ['ab-17'] };
    const answerWith = (serial: string) => {
      bridge.devices.apply(false, 2, [{ ...record, serial }]);
      return bridge.rest.answer(testSecret, bodyOf(values)).status;
    };
    expect([answerWith('AB-17'), answerWith('AB-18')]).toEqual([200, 401]);
    expect(bridge.notes).toMatchObject([
      { mac: pump, outcome: 'accept', method: 'certificate' },
      { mac: pump, outcome: 'reject', reason: expect.stringMatching(/serial number `ab-17`.* has `AB-18` for 00:1a/) },
    ]);
  });

  it('by an inner name is answered as by a password', () => {
    const { status, vlan, notes } = ask(inner('pump-1'));
    expect([status, vlan]).toEqual([200, '210']);
    expect(notes).toMatchObject([{ outcome: 'accept', method: 'password' }]);
  });

  const past = asn1(new Date(Date.now() - day / 2));
  const future = asn1(new Date(Date.now() + day / 2));
  it.each<[string, () => Values, RegExp]>([
    [
      'a certificate of another device',
      () => ({ ...certificate, 'TLS-Client-Cert-Subject-Alt-Name-Dns': ['00-1a-2b-3c-4d-60.devices.test'] }),
      /not the device on this port/,
    ],
    [
      'one that names two',
      () => ({
        ...certificate,
        'TLS-Client-Cert-Subject-Alt-Name-Dns': ['00-1a-2b-3c-4d-5e.devices.test', '00-1a-2b-3c-4d-60.devices.test'],
      }),
      /more than one device/,
    ],
    [
      'one that names none',
      () => ({ ...certificate, 'TLS-Client-Cert-Subject-Alt-Name-Dns': ['visitor.test'] }),
      /no name/,
    ],
    [
      'a name in another field',
      () => ({
        ...certificate,
        'TLS-Client-Cert-Subject-Alt-Name-Dns': [],
        'TLS-Client-Cert-Subject-Alt-Name-Email': ['00-1a-2b-3c-4d-5e.devices.test'],
      }),
      /no name/,
    ],
    [
      'a serial number, which FreeRADIUS can not tell for sure',
      () => ({
        ...certificate,
        'TLS-Client-Cert-Subject-Alt-Name-Dns': [],
        'TLS-Client-Cert-Subject': ['/serialNumber=001a2b3c4d5e'],
      }),
      /no name/,
    ],
    ['another issuer', () => ({ ...certificate, 'TLS-Client-Cert-Issuer': ['/CN=somebody else'] }), /no authority/],
    [
      'an issuer of the same name with another key',
      () => ({ ...certificate, 'TLS-Client-Cert-X509v3-Authority-Key-Identifier': ['EA:76'] }),
      /no authority/,
    ],
    ['a revoked one', () => claimOf(revoked), /revoked/],
    ['one that ended', () => ({ ...certificate, 'TLS-Client-Cert-Expiration': [past] }), /ended/],
    [
      'one that is not valid yet',
      () => ({ ...certificate, 'TLS-Client-Cert-Valid-Since': [future] }),
      /not valid before/,
    ],
    ['two certificates', () => ({ ...certificate, 'TLS-Client-Cert-Serial': ['01', '02'] }), /more than one/],
    ['no certificate', () => ({ 'EAP-Type': ['TLS'] }), /no certificate/],
    ['dates that are none', () => ({ ...certificate, 'TLS-Client-Cert-Expiration': ['soon'] }), /no certificate/],
    ['EAP that has not ended', () => ({ 'EAP-Message': ['0x02'], 'EAP-Type': ['Identity'] }), /EAP-Type is Identity/],
    [
      'EAP without a word of its type',
      () => ({ 'EAP-Message': ['0x02'], 'User-Name': ['001a2b3c4d5e'] }),
      /EAP-Type is not there/,
    ],
    ['another method', () => ({ 'EAP-Type': ['MD5-Challenge'] }), /MD5/],
    ['PEAP without its inner name', () => ({ 'EAP-Type': ['PEAP'], 'User-Name': ['pump-1'] }), /Cordon-Inner-User/],
    ['the inner name of another device', () => inner('pump-2'), /`pump-2` is the name of/],
    ['an inner name of nobody', () => inner('bob'), /no device/],
    ['no device', () => ({ ...certificate, 'Calling-Station-Id': [] }), /Calling-Station-Id/],
    [
      'two devices',
      () => ({ ...certificate, 'Calling-Station-Id': ['00-1A-2B-3C-4D-5E', '00-1A-2B-3C-4D-60'] }),
      /Calling-Station-Id/,
    ],
    ['a MAC that is not the one on the port', () => ({ 'User-Name': ['001a2b3c4d60'] }), /different MAC/],
    ['a name without EAP', () => ({ 'User-Name': ['bob'] }), /not a MAC/],
  ])('is refused with %s, and recorded', (_, values, reason) => {
    const asked = ask({ ...basic, ...values() });
    expect([asked.status, asked.vlan]).toEqual([401, null]);
    expect(asked.reason).toMatch(reason);
    expect(asked.notes).toMatchObject([{ outcome: 'reject', nas: 'switch-rfc', grant: null }]);
    expect(asked.sessions.size).toBe(0);
  });

  it.each<[string, Values, string | null, number, string]>([
    ['no token', mac, null, 401, 'token'],
    ['a wrong token', mac, 'guessed', 401, 'token'],
    ['no switch', { ...mac, 'NAS-IP-Address': [] }, testSecret, 401, 'proxied-nas-unknown'],
    [
      'a switch of another proxy',
      { ...mac, 'NAS-IP-Address': ['127.0.0.3'] },
      testSecret,
      401,
      'proxied-nas-without-secret',
    ],
    [
      'two switches',
      { ...mac, 'NAS-IP-Address': ['127.0.0.1', '127.0.0.2'] },
      testSecret,
      401,
      'proxied-nas-ambiguous',
    ],
    ['an address that is none', { ...mac, 'NAS-IP-Address': ['127.0.0'] }, testSecret, 401, 'malformed'],
  ])('is about nothing with %s', (_, values, token, status, counter) => {
    const asked = ask(values, token);
    expect([asked.status, asked.vlan]).toEqual([status, null]);
    expect(asked.counters.toJSON().totals).toHaveProperty([`rest.refused.${counter}`], 1);
    expect(asked.notes).toEqual([]);
  });

  it.each([[undefined], [null], [[]], ['x'], [{ 'User-Name': 'x' }], [{ 'User-Name': { value: 'x' } }]])(
    'is not understood as %j',
    (json) => {
      expect(bridgeWith().rest.answer(testSecret, json).status).toBe(400);
    },
  );

  it('is refused where the authority is asked by OCSP, or nothing says whose certificates count', () => {
    const ocsp = eapYaml(', ocsp: { url: "http://ocsp.test/" }');
    expect(ask({ ...basic, ...certificate }, testSecret, ocsp).reason).toMatch(/ocsp/);
    expect(ask({ ...basic, ...certificate }, testSecret, '').reason).toMatch(/network\/eap.yaml/);
    const gone = eapYaml().replace('file:ca', 'file:gone');
    expect(ask({ ...basic, ...certificate }, testSecret, gone).reason).toMatch(/no such file/);
  });
});

describe('a name in one line', () => {
  it.each<[string, string | null]>([
    ['CN=Device CA', '/CN=Device CA'],
    ['O=Hospital\\, Inc.\nCN=CA 1', '/O=Hospital, Inc./CN=CA 1'],
    ['O=a/CN=b', null],
    ['CN=a + OU=b', null],
    ['CN=Krankenhaus Süd', null],
    ['CN=a\\\\b', null],
  ])('%j is %j', (subject, expected) => {
    expect(oneLine({ subject })).toBe(expected);
  });
});

describe('a time of ASN.1', () => {
  it.each<[string, string | null]>([
    ['261130031014Z', '2026-11-30T03:10:14.000Z'],
    ['991231235959Z', '1999-12-31T23:59:59.000Z'],
    ['20511130031014Z', '2051-11-30T03:10:14.000Z'],
    ['261330031014Z', null],
    ['2611300310Z', null],
    ['', null],
  ])('%j is %j', (text, expected) => {
    expect(readAsn1Time(text)?.toISOString() ?? null).toBe(expected);
  });
});
