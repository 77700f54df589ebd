import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { decodeSnapshot, encodeSnapshot, type ProxyEntry } from '../snapshot-index.js';
import { loadPolicy } from './load.js';

const nasYaml = [
  'sw1: { address: 10.0.3.11, site: main, profile: rfc, secret: "env:S" }',
  'sw2: { address: 10.0.4.0/24, site: main, profile: rfc, secret: "env:S" }',
  'wlc: { address: 10.0.9.11, site: main, profile: rfc, transport: radsec, certificate: { from: dns-name, name: wlc.test } }',
].join('\n');
const radsecYaml = 'certificate: "file:c"\nkey: "file:k"\nauthorities: "file:a"\nrevocationLists: null';

const load = (proxies: string, more: Record<string, string | null> = {}) =>
  loadPolicy(
    policyFiles({
      'network/nas.yaml': nasYaml,
      'network/radsec.yaml': radsecYaml,
      'network/proxies.yaml': proxies,
      ...more,
    }),
  );

function compiled(proxies: string): readonly ProxyEntry[] {
  const policy = load(proxies);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const snapshot = compilePolicy(policy.value, new Date('2026-11-24T12:00:00Z'));
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
  return decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot.value)))).proxies;
}

const tlsProxy = 'transport: radsec, certificate: { from: dns-name, name: fr.test }';

describe('a proxy of network/proxies.yaml, through the snapshot and its JSON', () => {
  it.each<[string, string, Partial<ProxyEntry>]>([
    [
      'by UDP, for some',
      'fr: { address: 10.0.8.5, secret: "env:P", for: [sw1] }',
      {
        name: 'fr',
        transport: 'udp',
        secret: 'env:P',
        restToken: null,
        speaksFor: ['sw1'],
        prefix: { family: 4, value: 0x0a000805n, length: 32 },
      },
    ],
    [
      'for all: those that do not speak TLS themselves',
      'fr: { address: "fd10::5", secret: "env:P", restToken: "file:token", for: all }',
      { restToken: 'file:token', speaksFor: ['sw1', 'sw2'] },
    ],
    [
      'by TLS, also from where a switch is',
      `fr: { address: 10.0.0.0/8, ${tlsProxy}, for: all }`,
      { transport: 'radsec', secret: null, certificate: { from: 'dns-name', name: 'fr.test' } },
    ],
    [
      'the same one twice in the list',
      'fr: { address: 10.0.8.5, secret: "env:P", for: [sw1, sw1] }',
      { speaksFor: ['sw1'] },
    ],
  ])('%s', (_, yaml, expected) => {
    expect(compiled(yaml)).toMatchObject([expected]);
  });

  it('is nobody without the file', () => {
    expect(compiled('# none\n')).toEqual([]);
  });

  it.each<[string, string, string, RegExp, number]>([
    ['an unknown switch', 'fr: { address: 10.0.8.5, secret: "env:P", for: [sw1, sw3] }', 'unknown-name', /`sw3`/, 54],
    [
      'a switch that speaks TLS itself',
      'fr: { address: 10.0.8.5, secret: "env:P", for: [wlc] }',
      'proxy-for-tls',
      /`wlc`/,
      49,
    ],
    [
      'the address of a switch',
      'fr: { address: 10.0.3.11, secret: "env:P", for: all }',
      'proxy-address-shared',
      /`sw1`/,
      1,
    ],
    [
      'an address among those of switches',
      'fr: { address: 10.0.4.9, secret: "env:P", for: all }',
      'proxy-address-shared',
      /`sw2`.*network\/nas\.yaml:2/,
      1,
    ],
    [
      'a prefix around a switch',
      'fr: { address: 10.0.0.0/16, secret: "env:P", for: all }',
      'proxy-address-shared',
      /`sw1`/,
      1,
    ],
    [
      'the certificate of a switch',
      'fr: { address: 10.0.8.5, transport: radsec, certificate: { from: dns-name, name: WLC.test }, for: all }',
      'proxy-address-shared',
      /certificate of `wlc`/,
      1,
    ],
    ['the name of a switch', 'sw1: { address: 10.0.8.5, secret: "env:P", for: all }', 'duplicate-name', /a switch/, 1],
    ['no secret', 'fr: { address: 10.0.8.5, for: all }', 'schema', /`secret` is missing/, 5],
    ['a secret in clear', 'fr: { address: 10.0.8.5, secret: hunter2, for: all }', 'secret-in-clear', /secret/, 34],
    [
      'a token in clear',
      'fr: { address: 10.0.8.5, secret: "env:P", restToken: hunter2, for: all }',
      'secret-in-clear',
      /token/,
      54,
    ],
    ['nobody to speak for', 'fr: { address: 10.0.8.5, secret: "env:P" }', 'schema', /`?for`?/, 5],
    ['an empty list', 'fr: { address: 10.0.8.5, secret: "env:P", for: [] }', 'schema', /for/, 48],
    ['a site', 'fr: { address: 10.0.8.5, secret: "env:P", for: all, site: main }', 'schema', /site/, 59],
    ['an address that is none', 'fr: { address: 10.0.8, secret: "env:P", for: all }', 'bad-prefix', /10\.0\.8/, 16],
  ])('is refused with %s, by place', (_, yaml, code, summary, column) => {
    const result = load(yaml);
    expect(result.ok).toBe(false);
    const found = result.diagnostics.filter(({ severity }) => severity === 'error');
    expect(found.map((one) => one.code)).toEqual([code]);
    expect(found[0]!.summary).toMatch(summary);
    expect(found[0]!.hint).not.toBe('');
    expect(found[0]!.span).toMatchObject({ file: 'network/proxies.yaml', line: 1, column });
  });

  it('shares its address with no other proxy', () => {
    const both = [
      'a: { address: 10.0.8.5, secret: "env:P", for: all }',
      'b: { address: 10.0.8.0/28, secret: "env:P", for: all }',
    ];
    const result = load(both.join('\n'));
    expect(result.diagnostics.map(({ code, span }) => `${code} ${span?.line}`)).toEqual(['proxy-address-shared 2']);
  });

  it('needs RADIUS over TLS to be set up where it speaks it', () => {
    const result = load(`fr: { address: 10.0.8.5, ${tlsProxy}, for: [sw1] }`, {
      'network/radsec.yaml': null,
      'network/nas.yaml': nasYaml.split('\n')[0]!,
    });
    expect(result.diagnostics.map(({ code }) => code)).toEqual(['radsec-not-served']);
  });

  it('is read again when the switches change', () => {
    const all = 'fr: { address: 10.0.8.5, secret: "env:P", for: all }';
    expect(compiled(all)[0]!.speaksFor).toEqual(['sw1', 'sw2']);
    const fewer = load(all, { 'network/nas.yaml': nasYaml.split('\n')[1]! });
    expect(fewer.ok && fewer.value.proxies[0]!.speaksFor).toEqual(['sw2']);
  });
});
