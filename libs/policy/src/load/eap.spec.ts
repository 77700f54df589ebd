import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { decodeSnapshot, encodeSnapshot } from '../snapshot-index.js';
import { loadPolicy } from './load.js';

const good = [
  'certificate: "file:radius.pem"',
  'key: "env:RADIUS_KEY"',
  'authorities:',
  '  device-ca:',
  '    certificates: "file:ca.pem"',
  '    revocationLists: null',
  '    devices: [{ from: dns-name, pattern: "{mac}.devices.test" }]',
];
const load = (text: string | null) => loadPolicy(policyFiles({ 'network/eap.yaml': text }));
const withLine = (line: number, text: string): string => good.with(line, text).join('\n');

const withPattern = (pattern: string): string =>
  withLine(6, `    devices: [{ from: serial-number, pattern: "${pattern}" }]`);

describe('network/eap.yaml', () => {
  it('comes through the snapshot and its JSON, with defaults filled in', () => {
    const policy = load(good.join('\n'));
    if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
    const compiled = compilePolicy(policy.value, new Date('2026-11-24T12:00:00Z'));
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
    const { eap } = decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(compiled.value))));
    expect(eap).toEqual({
      certificate: 'file:radius.pem',
      key: 'env:RADIUS_KEY',
      methods: ['tls'],
      passwordPosture: 'unverified',
      versions: ['1.2', '1.3'],
      fragmentSize: 1024,
      resumption: 3600,
      authorities: [
        {
          name: 'device-ca',
          certificates: 'file:ca.pem',
          revocationLists: null,
          ocsp: null,
          devices: [{ from: 'dns-name', pattern: '{mac}.devices.test' }],
        },
      ],
    });
  });

  it('may be left out: 802.1X is not served then', () => {
    const policy = load(null);
    expect(policy.ok && policy.value.eap).toBeNull();
  });

  it.each(['{serial}', 'PID:Pump-7 SN:{serial}', '{mac}', 'pump-{mac}.devices.test'])('takes pattern %s', (pattern) => {
    const policy = load(withPattern(pattern));
    expect(policy.ok && policy.value.eap?.authorities[0]?.devices).toEqual([{ from: 'serial-number', pattern }]);
  });

  it.each([
    [
      'a key in clear',
      withLine(1, 'key: "-----BEGIN PRIVATE KEY-----"'),
      'network/eap.yaml:2',
      /a key never stands in the policy/,
    ],
    [
      'a certificate in clear',
      withLine(0, 'certificate: "-----BEGIN"'),
      'network/eap.yaml:1',
      /must begin with `file:`/,
    ],
    ['no authority', [...good.slice(0, 2), 'authorities: {}'].join('\n'), 'network/eap.yaml:3', /one at least/],
    ...[
      'devices.test',
      '{mac}{mac}',
      '{serial}-{serial}',
      '{mac}-{serial}',
      '{SERIAL}',
      '{serial} {site}',
      '{{serial}}',
    ].map((pattern): [string, string, string, RegExp] => [
      `pattern ${pattern}`,
      withPattern(pattern),
      'network/eap.yaml:7',
      /authorities\.device-ca\.devices\.0\.pattern.*must hold \{mac\} once,.* or \{serial\} once/,
    ]),
    ['an unknown field', `${good.join('\n')}\nmethod: peap`, 'network/eap.yaml:8', /method/],
    ['authorities for nothing', `${good.join('\n')}\nmethods: [peap]`, 'network/eap.yaml:4', /of no use without/],
    ['a method twice', `${good.join('\n')}\nmethods: [tls, tls]`, 'network/eap.yaml:8', /each method once/],
    ['no method', `${good.join('\n')}\nmethods: []`, 'network/eap.yaml:8', /methods/],
    ['a method that there is not', `${good.join('\n')}\nmethods: [md5]`, 'network/eap.yaml:8', /methods/],
    ['revocation that nobody thought about', good.toSpliced(5, 1).join('\n'), 'network/eap.yaml:5', /revocationLists/],
    [
      'a responder that is no address',
      withLine(5, '    revocationLists: null\n    ocsp: { url: ocsp }'),
      'network/eap.yaml:7',
      /address of the responder/,
    ],
    ['another TLS', `${good.join('\n')}\nversions: ["1.1"]`, 'network/eap.yaml:8', /1\.2/],
  ])('is refused with %s', (_, text, place, words) => {
    const found = load(text).diagnostics.filter(({ span }) => span?.file === 'network/eap.yaml');
    expect(found.map(({ severity }) => severity)).toEqual(['error']);
    expect(`${found[0]!.span!.file}:${found[0]!.span!.line}`).toBe(place);
    expect(`${found[0]!.summary} ${found[0]!.hint ?? ''}`).toMatch(words);
  });
});
