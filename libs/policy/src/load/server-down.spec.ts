import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { analysePolicy } from '../analyse/analyse.js';
import { compilePolicy } from '../compile/compile.js';
import { decodeSnapshot, encodeSnapshot } from '../snapshot-index.js';
import { loadPolicy } from './load.js';

const at = new Date('2026-11-24T12:00:00Z');

/** Two switches at a site with a wireless below it, and a segment for newcomers. */
const hospital = (text: string | null, parts: Readonly<Record<string, string>> = {}): Map<string, string> =>
  policyFiles({
    'network/nas.yaml': `sw1: { address: 10.0.3.11, site: main, profile: cisco-ios-xe, secret: "env:A" }
sw2: { address: 10.0.3.12, site: main-wifi, profile: juniper-ex, secret: "env:A" }
`,
    'catalog/segments-x.yaml': `newcomers: { role: unknown, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }
icu: { role: unknown, sites: { main: { vlan: 996, prefixes: [10.96.0.0/20, "fd96::/64"] } } }
voice: { voice: true, dedicatedTo: infusion-pump, sites: { main: { vlan: 340, prefixes: [10.34.0.0/20, "fd34::/64"] } } }
`,
    ...(text === null ? {} : { 'network/server-down.yaml': text }),
    ...parts,
  });

function snapshotOf(text: string) {
  const policy = loadPolicy(hospital(text));
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(compiled.value))));
}

const wanted = (text: string) =>
  Object.fromEntries(snapshotOf(text).nas.map(({ name, serverDown }) => [name, serverDown]));
const servers =
  'servers: { a: { address: 10.0.8.10 }, b: { address: "FD10:8::0B", authPort: 1645, acctPort: 1646 } }\n';

describe('network/server-down.yaml', () => {
  it('comes through the snapshot, resolved for each switch', () => {
    const { sw1 } = wanted(
      `${servers}timeout: 4\ntries: 3\ndeadTime: 10\nprobe: cordon\nsites: { main: { segment: newcomers, voice: voice } }`,
    );
    expect(sw1).toEqual({
      servers: [
        { name: 'a', address: '10.0.8.10', authPort: 1812, acctPort: 1813 },
        { name: 'b', address: 'fd10:8::b', authPort: 1645, acctPort: 1646 },
      ],
      timeout: 4,
      tries: 3,
      deadTime: 10,
      probe: 'cordon',
      segment: 'newcomers',
      vlan: 997,
      role: 'unknown',
      voice: { segment: 'voice', vlan: 340 },
      keepAuthorized: true,
    });
  });

  it.each([
    ['nothing', 'sites: {}', null, null],
    ['the site above', 'sites: { main: { segment: newcomers } }', 'newcomers', 'newcomers'],
    ['everywhere', 'sites: { everywhere: { segment: newcomers } }', 'newcomers', 'newcomers'],
    [
      'the nearest site',
      'sites: { everywhere: { segment: newcomers }, main-wifi: { segment: icu } }',
      'newcomers',
      'icu',
    ],
    ['`none` of the nearest site', 'sites: { main: { segment: newcomers }, main-wifi: none }', 'newcomers', null],
    [
      'the switch itself',
      'sites: { main: { segment: newcomers } }\nnas: { sw1: { segment: icu } }',
      'icu',
      'newcomers',
    ],
    ['`none` of the switch itself', 'sites: { main: { segment: newcomers } }\nnas: { sw1: none }', null, 'newcomers'],
  ])('a switch does what is said for %s', (_, text, first, second) => {
    const { sw1, sw2 } = wanted(`${servers}${text}`);
    expect([sw1?.segment ?? null, sw2?.segment ?? null]).toEqual([first, second]);
  });

  it('asks the servers that an entry names, in its order', () => {
    const { sw1, sw2 } = wanted(
      `${servers}sites: { main: { segment: newcomers, servers: [b, a] }, main-wifi: { segment: newcomers, servers: [b], keepAuthorized: false } }`,
    );
    expect(sw1?.servers.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(sw2?.servers.map(({ name }) => name)).toEqual(['b']);
    expect(sw2?.keepAuthorized).toBe(false);
  });

  it('gives the critical role a port ACL, though no access rule leads there', () => {
    const policy = loadPolicy(
      hospital(`${servers}sites: { main: { segment: newcomers } }`, {
        'catalog/classes-x.yaml': 'newcomer: {}\n',
        'catalog/segments-x.yaml':
          'newcomers: { role: newcomer, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }\n',
        'rules/x.csv':
          'p, newcomer, drug-library, https, allow, always, note\np, infusion-pump, newcomer, https, allow, always, note\n',
      }),
    );
    const compiled = policy.ok ? compilePolicy(policy.value, at) : policy;
    expect(compiled.ok && compiled.value.portAcls['newcomer']?.map(({ destination }) => destination?.length)).toEqual([
      32, 20, 128, 64,
    ]);
    // Whoever may open to newcomers knows them by the segment.
    expect(JSON.stringify(compiled.ok && compiled.value.portAcls['infusion-pump'], textOfBig)).toContain(
      `${10n * 2n ** 24n + 97n * 2n ** 16n}`,
    );
    const findings = policy.ok ? analysePolicy(policy.value, at).filter(({ code }) => code !== 'server-down-make') : [];
    expect(findings.filter(({ summary }) => summary.includes('newcomer'))).toEqual([]);
  });
});

const textOfBig = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);

describe('analysis tells', () => {
  const found = (text: string | null, code: string): string[] => {
    const policy = loadPolicy(hospital(text));
    if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
    return analysePolicy(policy.value, at)
      .filter((finding) => finding.code === code)
      .map(({ summary }) => summary);
  };

  it('of which switches nothing is said, site by site, and not of those that are meant to do nothing', () => {
    expect(found('', 'server-down-missing')).toEqual([
      expect.stringContaining('`sw1` does while no RADIUS server answers'),
      expect.stringContaining('`sw2` does while no RADIUS server answers'),
    ]);
    expect(found('nas: { sw1: none, sw2: none }', 'server-down-missing')).toEqual([]);
    expect(found(`${servers}sites: { main: { segment: newcomers } }`, 'server-down-missing')).toEqual([]);
  });

  it('that a make can not both keep devices and let others in', () => {
    const both = `${servers}sites: { main: { segment: newcomers } }`;
    expect(found(both, 'server-down-make')).toEqual([expect.stringContaining('`sw2` (juniper-ex) keeps devices')]);
    const moving = `${servers}sites: { main: { segment: newcomers, keepAuthorized: false } }`;
    expect(found(moving, 'server-down-make')).toEqual([]);
  });

  it('of which make nothing can be written', () => {
    const policy = loadPolicy(
      hospital(`${servers}sites: { main: { segment: newcomers } }`, {
        'network/nas.yaml': 'sw1: { address: 10.0.3.11, site: main, profile: rfc, secret: "env:A" }\n',
      }),
    );
    const findings = policy.ok ? analysePolicy(policy.value, at) : [];
    expect(findings.filter(({ code }) => code === 'server-down-by-hand')).toHaveLength(1);
  });
});
