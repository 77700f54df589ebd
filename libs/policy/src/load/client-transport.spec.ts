import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { reviewPolicy } from '../analyse/analyse.js';
import { decodeSnapshot, encodeSnapshot, type NasEntry } from '../snapshot-index.js';
import { loadPolicy } from './load.js';

const radsecYaml = [
  'certificate: "file:radsec.pem"',
  'key: "env:RADSEC_KEY"',
  'authorities: "file:ca.pem"',
  'revocationLists: null',
];
const common = 'address: 10.0.3.11, site: main, profile: rfc';
const named = 'certificate: { from: dns-name, name: sw1.test }';
const excepted = 'messageAuthenticator: { exception: "CHG-7 old firmware", until: 2026-12-31 }';

const load = (fields: string, radsec: string | null = radsecYaml.join('\n'), more: Record<string, string> = {}) =>
  loadPolicy(
    policyFiles({ 'network/nas.yaml': `sw1: { ${common}, ${fields} }`, 'network/radsec.yaml': radsec, ...more }),
  );

function compiled(fields: string, at = '2026-11-24T12:00:00Z') {
  const policy = load(fields);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const snapshot = compilePolicy(policy.value, new Date(at));
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
  return decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot.value))));
}

describe('how a client of network/nas.yaml is reached, through the snapshot and its JSON', () => {
  it.each<[string, string, Partial<NasEntry>]>([
    [
      'by UDP, signed, unless it says otherwise',
      'secret: "env:S"',
      {
        transport: 'udp',
        certificate: null,
        secret: 'env:S',
        messageAuthenticator: 'required',
        requestsPerSecond: 5000,
        coaTransport: 'udp',
        coaPort: 3799,
      },
    ],
    [
      'by TLS, and told of changes over its own connection',
      `transport: radsec, ${named}`,
      {
        transport: 'radsec',
        certificate: { from: 'dns-name', name: 'sw1.test' },
        secret: null,
        coaTransport: 'connection',
      },
    ],
    [
      'by TLS, and told of changes by UDP',
      `transport: radsec, ${named}, coaTransport: udp, secret: "env:S"`,
      { transport: 'radsec', secret: 'env:S', coaTransport: 'udp', coaPort: 3799 },
    ],
    [
      'by UDP, and told of changes by TLS',
      `secret: "env:S", coaTransport: radsec, ${named}`,
      { transport: 'udp', coaTransport: 'radsec', coaPort: 2083, certificate: { from: 'dns-name', name: 'sw1.test' } },
    ],
    [
      'with less than the usual rate and without Proxy-State',
      'secret: "env:S", requestsPerSecond: 50, messageAuthenticator: limit-proxy-state',
      { requestsPerSecond: 50, messageAuthenticator: 'limit-proxy-state' },
    ],
    [
      'with an exception',
      `secret: "env:S", ${excepted}`,
      { messageAuthenticator: { exception: 'CHG-7 old firmware', until: '2026-12-31' } },
    ],
  ])('%s', (_, fields, expected) => {
    expect(compiled(fields).nas[0]).toMatchObject(expected);
  });

  it.each([
    ['no secret by UDP', '', 'network/nas.yaml:1', /`secret` is missing/],
    ['a secret in clear', 'secret: hunter2', 'network/nas.yaml:1', /not a reference/],
    ['TLS without a name', 'transport: radsec', 'network/nas.yaml:1', /`certificate` is missing/],
    ['a secret over TLS', `transport: radsec, ${named}, secret: "env:S"`, 'network/nas.yaml:1', /always `radsec`/],
    ['a certificate by UDP', `secret: "env:S", ${named}`, 'network/nas.yaml:1', /shows no certificate/],
    ['a connection by UDP', 'secret: "env:S", coaTransport: connection', 'network/nas.yaml:1', /has no connection/],
    [
      'a rule for signatures over TLS',
      `transport: radsec, ${named}, messageAuthenticator: required`,
      'network/nas.yaml:1',
      /TLS signs/,
    ],
    [
      'an address that is none',
      'transport: radsec, certificate: { from: ip-address, name: sw1 }',
      'network/nas.yaml:1',
      /no address/,
    ],
    [
      'a rule that nobody knows',
      'secret: "env:S", messageAuthenticator: auto',
      'network/nas.yaml:1',
      /limit-proxy-state/,
    ],
    [
      'an exception without end',
      'secret: "env:S", messageAuthenticator: { exception: "CHG-7" }',
      'network/nas.yaml:1',
      /until: 2027/,
    ],
    [
      'an exception without reason',
      'secret: "env:S", messageAuthenticator: { exception: " ", until: 2026-12-31 }',
      'network/nas.yaml:1',
      /messageAuthenticator.exception/,
    ],
    [
      'an exception to a day that is none',
      'secret: "env:S", messageAuthenticator: { exception: "CHG-7", until: 2026-02-30 }',
      'network/nas.yaml:1',
      /must be a day/,
    ],
    ['no requests at all', 'secret: "env:S", requestsPerSecond: 0', 'network/nas.yaml:1', /requestsPerSecond/],
  ])('refuses %s', (_, fields, place, words) => {
    const found = load(fields).diagnostics.filter(({ span }) => span?.file === 'network/nas.yaml');
    expect(found.map(({ severity }) => severity)).toEqual(['error']);
    expect(`${found[0]!.span!.file}:${found[0]!.span!.line}`).toBe(place);
    expect(`${found[0]!.summary} ${found[0]!.hint}`).toMatch(words);
  });

  it('refuses two clients with one certificate, whatever their addresses', () => {
    const two = `a: { ${common}, transport: radsec, ${named} }\nb: { address: 10.0.3.12, site: main, profile: rfc, transport: radsec, certificate: { from: dns-name, name: SW1.test } }`;
    const { diagnostics } = load('', undefined, { 'network/nas.yaml': two });
    expect(diagnostics.map(({ code }) => code)).toEqual(['nas-duplicate']);
  });

  it('lets a switch come by UDP and by TLS, as two clients, while it is changed over', () => {
    const two = `a: { ${common}, secret: "env:S" }\nb: { ${common}, transport: radsec, ${named} }`;
    expect(load('', undefined, { 'network/nas.yaml': two }).ok).toBe(true);
  });

  it('refuses TLS where nobody listens', () => {
    expect(load(`transport: radsec, ${named}`, null).diagnostics.map(({ code }) => code)).toEqual([
      'radsec-not-served',
    ]);
  });
});

describe('network/radsec.yaml', () => {
  it('comes through the snapshot, with TLS 1.3 alone where it says nothing', () => {
    expect(compiled('secret: "env:S"').radsec).toEqual({
      certificate: 'file:radsec.pem',
      key: 'env:RADSEC_KEY',
      authorities: 'file:ca.pem',
      revocationLists: null,
      versions: ['1.3'],
      idleTimeout: 600,
    });
  });

  it.each([
    ['a key in clear', radsecYaml.with(1, 'key: "-----BEGIN PRIVATE KEY-----"'), /a key never stands/],
    ['a certificate in clear', radsecYaml.with(0, 'certificate: "-----BEGIN"'), /must begin with `file:`/],
    ['revocation that nobody thought about', radsecYaml.slice(0, 3), /revocationLists/],
    ['an old TLS', [...radsecYaml, 'versions: ["1.1"]'], /1\.2/],
    ['an unknown field', [...radsecYaml, 'port: 2083'], /port/],
  ])('is refused with %s', (_, lines, words) => {
    const found = load('secret: "env:S"', lines.join('\n')).diagnostics;
    expect(found.map(({ severity }) => severity)).toEqual(['error']);
    expect(`${found[0]!.summary} ${found[0]!.hint}`).toMatch(words);
  });
});

describe('an exception from Message-Authenticator', () => {
  const fields = `secret: "env:S", ${excepted}`;
  const codesAt = (at: string, days = 30): string[] => {
    const policy = load(fields, undefined, { 'cordon.yaml': `check: { expiresSoonDays: ${days} }` });
    if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
    const found = reviewPolicy(policy.value, [], new Date(at));
    return found.map(({ code }) => code).filter((code) => code.startsWith('client-exception'));
  };

  it('is a finding as long as it holds, warns before its end, and is another finding after it', () => {
    expect(codesAt('2026-11-01T00:00:00Z')).toEqual(['client-exception']);
    expect(codesAt('2026-12-15T00:00:00Z')).toEqual(['client-exception', 'client-exception-ending']);
    expect(codesAt('2026-12-15T00:00:00Z', 5)).toEqual(['client-exception']);
    expect(codesAt('2027-01-01T00:00:00Z')).toEqual(['client-exception-ended']);
  });

  it('is what changes a snapshot next, and is gone from one of an instant after its day', () => {
    const before = compiled(fields, '2026-12-31T23:59:59Z');
    expect(before.nas[0]!.messageAuthenticator).toEqual({ exception: 'CHG-7 old firmware', until: '2026-12-31' });
    expect(before.nextChangeAt).toBe('2027-01-01T00:00:00.000Z');
    const after = compiled(fields, '2027-01-01T00:00:00Z');
    expect(after.nas[0]!.messageAuthenticator).toBe('required');
    expect(after.digest).not.toBe(before.digest);
  });
});
