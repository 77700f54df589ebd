import { randomBytes } from 'node:crypto';
import { parseAddress, type Address } from '#net';
import { codes, octetsAttribute, Secret, signRequest, textAttribute, types, type Attribute, type Code } from '#radius';
import { describe, expect, it } from 'vitest';
import { testParts, testSecret } from '../../test/parts.js';
import { sampleSnapshot } from '../../test/sample-policy.js';
import type { Source } from '../transport/source.js';
import { Admission } from './admission.js';
import { ExceptionAudit } from './exception-audit.js';
import { Gate } from './gate.js';
import { judgeAuthentication } from './message-authenticator.js';
import { Strangers } from './strangers.js';

const nas = (name: string, address: string, more = 'secret: "env:S"'): string =>
  `${name}: { address: "${address}", site: main, profile: rfc, ${more} }`;
const files = {
  'network/radsec.yaml': 'certificate: "file:c"\nkey: "file:k"\nauthorities: "file:a"\nrevocationLists: null',
  'network/nas.yaml': [
    nas('sw1', '10.0.1.1'),
    nas('sw2', '10.0.1.2'),
    nas('sw6', 'fd00::1'),
    nas('bench', '10.0.2.0/24'),
    nas('bench-one', '10.0.2.7'),
    nas('stranger', '10.0.3.1'),
    nas('mute', '10.0.4.1', 'secret: "env:MISSING"'),
    nas('tls', '10.0.5.1', 'transport: radsec, certificate: { from: dns-name, name: tls.test }'),
    nas('lax', '10.0.6.1', 'secret: "env:S", messageAuthenticator: { exception: "CHG-7", until: 2027-01-01 }'),
  ].join('\n'),
  'network/proxies.yaml': [
    'fr: { address: 10.9.9.1, secret: "env:P", for: [sw1, sw2, sw6, bench, bench-one, mute, lax] }',
    'fr-mute: { address: 10.9.9.2, secret: "env:MISSING", for: all }',
    'fr-tls: { address: 10.9.9.3, transport: radsec, certificate: { from: dns-name, name: fr.test }, for: all }',
  ].join('\n'),
};

const proxy: Source = { address: '10.9.9.1', port: 1814 };
const overTls: Source = {
  address: '10.9.9.3',
  port: 4000,
  connection: { nas: 'fr-tls', end: () => undefined },
};

function addressAttribute(text: string): Attribute {
  const { family, value } = parseAddress(text) as Address;
  const bytes = Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
  return octetsAttribute(family === 4 ? types.nasIpAddress : types.nasIpv6Address, bytes);
}

const identifier = (text: string): Attribute => textAttribute(types.nasIdentifier, text);

function packet(attributes: readonly Attribute[], code: Code = codes.accessRequest, secret = testSecret): Buffer {
  return signRequest(code, 1, [textAttribute(types.userName, 'x'), ...attributes], new Secret(secret), randomBytes(16));
}

function unsigned(attributes: readonly Attribute[]): Buffer {
  const signed = packet(attributes);
  const bytes = Buffer.concat([signed.subarray(0, 20), signed.subarray(38)]);
  bytes.writeUInt16BE(bytes.length, 2);
  return bytes;
}

function ask(datagram: Buffer, source: Source = proxy) {
  const parts = testParts(sampleSnapshot(files));
  const strangers = new Strangers();
  const audit = new ExceptionAudit(() => undefined);
  const gate = new Gate('authentication', judgeAuthentication, {
    ...parts,
    strangers,
    audit,
    admission: new Admission(() => false),
  });
  const admitted = gate.admit(datagram, source, Date.parse('2026-11-24T12:00:00Z'), 0);
  const counted = parts.counters.toJSON();
  const reason = Object.keys(counted.totals)[0]?.replace('authentication.dropped.', '') ?? null;
  return { admitted, reason, strangers: strangers.toJSON().addresses, counted };
}

describe('which NAS a request of a proxy is about', () => {
  it.each<[string, readonly Attribute[], string, string]>([
    ['its NAS-IP-Address', [addressAttribute('10.0.1.1')], 'sw1', '10.0.1.1'],
    ['its NAS-IPv6-Address', [addressAttribute('fd00::1')], 'sw6', 'fd00::1'],
    ['the longest prefix', [addressAttribute('10.0.2.7')], 'bench-one', '10.0.2.7'],
    ['a prefix: the address itself is told', [addressAttribute('10.0.2.9')], 'bench', '10.0.2.9'],
    ['NAS-Identifier alone', [identifier('sw2')], 'sw2', '10.0.1.2'],
    ['NAS-Identifier in upper case', [identifier('SW2')], 'sw2', '10.0.1.2'],
    ['both, of the same', [addressAttribute('10.0.1.1'), identifier('sw1')], 'sw1', '10.0.1.1'],
    [
      'an address, and a name that nobody has',
      [addressAttribute('10.0.1.1'), identifier('floor 3')],
      'sw1',
      '10.0.1.1',
    ],
    [
      'two families, one of them unknown',
      [addressAttribute('10.0.1.1'), addressAttribute('fd00::99')],
      'sw1',
      '10.0.1.1',
    ],
  ])('%s', (_, attributes, name, address) => {
    const { admitted } = ask(packet(attributes));
    expect(admitted?.client.nas.name).toBe(name);
    expect(admitted?.nasAddress).toBe(address);
    // The answer goes to the proxy.
    expect(admitted?.client.secret).toBeDefined();
    expect(admitted?.isSigned).toBe(true);
  });

  it.each<[string, readonly Attribute[], string]>([
    ['nothing names it', [], 'proxied-nas-unknown'],
    ['the address is of nobody', [addressAttribute('10.8.0.1')], 'proxied-nas-unknown'],
    ['the name is of nobody', [identifier('sw9')], 'proxied-nas-unknown'],
    [
      'the address is of nobody, though the name is of one',
      [addressAttribute('10.8.0.1'), identifier('sw1')],
      'proxied-nas-unknown',
    ],
    ['the address is the proxy’s own', [addressAttribute('10.9.9.1')], 'proxied-nas-unknown'],
    ['the address is cut off', [octetsAttribute(types.nasIpAddress, Buffer.from([10, 0, 1]))], 'proxied-nas-unknown'],
    ['address and name differ', [addressAttribute('10.0.1.1'), identifier('sw2')], 'proxied-nas-ambiguous'],
    ['two addresses of two', [addressAttribute('10.0.1.1'), addressAttribute('fd00::1')], 'proxied-nas-ambiguous'],
    ['the address stands twice', [addressAttribute('10.0.1.1'), addressAttribute('10.0.1.2')], 'proxied-nas-ambiguous'],
    ['it is not the proxy’s to ask for', [addressAttribute('10.0.3.1')], 'proxied-nas-not-allowed'],
    ['nor by name', [identifier('stranger')], 'proxied-nas-not-allowed'],
    ['it speaks TLS itself', [addressAttribute('10.0.5.1')], 'proxied-nas-not-allowed'],
    ['its own secret is missing', [addressAttribute('10.0.4.1')], 'proxied-nas-without-secret'],
    ['nor by name, either', [identifier('mute')], 'proxied-nas-without-secret'],
    ['the name is of a prefix', [identifier('bench')], 'proxied-nas-without-address'],
  ])('none where %s', (_, attributes, reason) => {
    const asked = ask(packet(attributes));
    expect(asked.admitted).toBeNull();
    expect(asked.reason).toBe(reason);
    expect(asked.counted.clients).toHaveProperty('fr');
  });

  it('is said of those that nobody knows, for the admin who forgot one', () => {
    expect(ask(packet([addressAttribute('10.8.0.1')])).strangers).toEqual({ '10.8.0.1 behind fr': 1 });
    expect(ask(packet([identifier('sw9')])).strangers).toEqual({ 'no address behind fr': 1 });
  });

  it('is not asked by a proxy whose secret is missing', () => {
    const asked = ask(packet([addressAttribute('10.0.1.1')]), { address: '10.9.9.2', port: 1814 });
    expect(asked.reason).toBe('client-without-secret');
  });
});

describe('what a proxy has to sign', () => {
  it.each<[string, Source, string, string]>([
    ['by UDP', proxy, '10.0.1.1', testSecret],
    ['by UDP, whatever its NAS is allowed', proxy, '10.0.6.1', testSecret],
  ])('everything: %s', (_, source, address) => {
    const asked = ask(unsigned([addressAttribute(address)]), source);
    expect(asked.admitted).toBeNull();
    expect(asked.reason).toBe('message-authenticator-missing');
  });

  it('everything: over TLS, too', () => {
    const signed = packet([addressAttribute('10.0.1.1')], codes.accessRequest, 'radsec');
    expect(ask(signed, overTls).admitted?.client.nas.name).toBe('sw1');
    expect(ask(unsigned([addressAttribute('10.0.1.1')]), overTls).admitted).toBeNull();
  });

  it('with its own secret', () => {
    expect(ask(packet([addressAttribute('10.0.1.1')], codes.accessRequest, 'other')).reason).toBe(
      'message-authenticator-invalid',
    );
  });

  it('Status-Server is its own, and about no NAS', () => {
    const { admitted } = ask(packet([identifier('Status Check. Are you alive?')], codes.statusServer));
    expect(admitted?.client.nas).toMatchObject({ name: 'fr', site: '' });
  });
});
