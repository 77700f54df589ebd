import type { Diagnostic } from '#base';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { policyCodes, type PolicyCode } from '../codes.js';
import { sampleFiles } from '../spec/sample.js';
import { loadPolicy } from './load.js';

type Parts = Readonly<Record<string, string | null>>;
const findings = (parts: Parts): readonly Diagnostic[] => loadPolicy(policyFiles(parts)).diagnostics;
const placeOf = ({ span }: Diagnostic): string => (span ? `${span.file}:${span.line}:${span.column}` : 'no place');

/** Text in a file of its own beside the small good policy. */
const rule = (text: string): Parts => ({ 'rules/x.csv': text });
const classes = (text: string): Parts => ({ 'catalog/classes-x.yaml': text });
const endpoints = (text: string): Parts => ({ 'catalog/endpoints-x.yaml': text });
const applications = (text: string): Parts => ({ 'catalog/applications-x.yaml': text });
const segments = (text: string): Parts => ({ 'catalog/segments-x.yaml': text });
const sites = (text: string): Parts => ({ 'catalog/sites-x.yaml': text });
const schedules = (text: string): Parts => ({ 'catalog/schedules-x.yaml': text });
const nas = (text: string): Parts => ({ 'network/nas-x.yaml': text });
const points = (text: string): Parts => ({ 'network/enforcement-points-x.yaml': text });
const cluster = (name: string, namespaces = 'pharmacy'): string =>
  `${name}: { driver: kubernetes, site: main, options: { namespaces: '${namespaces}' }, transport: { kind: kubernetes, kubeconfig: in-cluster } }\n`;
const service = (fields: string): string => `formulary: { kubernetes: { ${fields} } }`;
const rollout = (text: string): Parts => ({ 'network/rollout.yaml': text });
const tests = (text: string): Parts => ({ 'tests/x.yaml': text });
const serverDown = (segment: string, parts: Parts = {}): Parts => ({
  'network/server-down.yaml': `servers: { b: { address: 10.0.8.10 } }\nsites:\n  main: ${segment}\n`,
  ...parts,
});

const chain = (length: number): string => Array.from({ length }, (_, i) => `g, class-${i}, class-${i + 1}`).join('\n');
const chainClasses = (length: number): string =>
  Array.from({ length: length + 1 }, (_, i) => `class-${i}: {}`).join('\n');

/** Code, what provokes it, where it is found, what the hint tells to do. */
const refusals: readonly (readonly [PolicyCode, Parts, string, RegExp])[] = [
  // Rule lines
  ['unknown-line-type', rule('q, a, b'), 'rules/x.csv:1:1', /start the line with p .*or with # for a comment/],
  ['unknown-line-type', rule('\n\n  P, a, b'), 'rules/x.csv:3:3', /start the line with p /],
  [
    'column-count',
    rule('p, infusion-pump, remediation, https, allow, always'),
    'rules/x.csv:1:1',
    /write `p, subject, object/,
  ],
  [
    'column-count',
    rule('p, infusion-pump, remediation, https, allow, always, a, b'),
    'rules/x.csv:1:1',
    /put a note that has commas into "double quotes"/,
  ],
  ['audit-line', { 'audit/x.csv': 'g, library-1, other' }, 'audit/x.csv:1:1', /put a branch in audit for it/],
  ['column-count', rule('g, infusion-pump'), 'rules/x.csv:1:1', /write `g, member, group`/],
  ['column-count', rule('p, infusion-pump, , https, allow, always, note'), 'rules/x.csv:1:19', /write `p, subject/],
  [
    'csv-syntax',
    rule('p, infusion-pump, remediation, https, allow, always, "open'),
    'rules/x.csv:1:54',
    /close it with "/,
  ],
  [
    'csv-syntax',
    rule('p, infusion-pump, remediation, https, allow, always, half "quoted"'),
    'rules/x.csv:1:54',
    /whole column into "double quotes"/,
  ],
  [
    'csv-syntax',
    rule('p, "infusion-pump" remediation, https, allow, always, x'),
    'rules/x.csv:1:20',
    /put a comma between columns/,
  ],
  [
    'csv-syntax',
    rule('# a comment\rp, infusion-pump, remediation, https, allow, always, x'),
    'rules/x.csv:1:12',
    /remove it/,
  ],
  [
    'csv-syntax',
    rule('p, infusion-pump, remediation, https, allow, always, a\u0000b'),
    'rules/x.csv:1:55',
    /remove it/,
  ],
  [
    'csv-syntax',
    rule('p, infusion-pump, remediation, https, allow, always, (half'),
    'rules/x.csv:1:54',
    /Casbin joins/,
  ],
  ['trailing-comment', rule('g, infusion-pump, medical-device # why'), 'rules/x.csv:1:34', /line of its own/],
  [
    'trailing-comment',
    rule('p, infusion-pump, remediation, https, allow, always, "x" # why'),
    'rules/x.csv:1:58',
    /line of its own/,
  ],
  [
    'bad-effect',
    rule('p, infusion-pump, remediation, https, Allow, always, x'),
    'rules/x.csv:1:39',
    /write allow or deny, in lower case/,
  ],
  [
    'bad-posture',
    rule('p2, infusion-pump, main, verifed, pumps, always, x'),
    'rules/x.csv:1:26',
    /did you mean `verified`\? .*unverified, at-risk/,
  ],
  [
    'bad-when',
    rule('p, infusion-pump, remediation, https, allow, offise, x'),
    'rules/x.csv:1:46',
    /did you mean `office`\? write always/,
  ],
  [
    'bad-when',
    rule('p, infusion-pump, remediation, https, allow, until 2027-02-30, x'),
    'rules/x.csv:1:46',
    /until 2027-03-31/,
  ],
  ['duplicate-rule', rule('g, infusion-pump, medical-device'), 'rules/x.csv:1:1', /remove one of the two/],
  [
    'duplicate-rule',
    rule('p, infusion-pump, drug-library, https, allow, always, another note'),
    'rules/x.csv:1:1',
    /remove one of the two/,
  ],
  [
    'unknown-name',
    rule('p, infusion-pmup, remediation, https, allow, always, x'),
    'rules/x.csv:1:4',
    /did you mean `infusion-pump`\?.*declare it in catalog\/classes.yaml or/,
  ],
  [
    'unknown-name',
    rule('p, infusion-pump, remedation, https, allow, always, x'),
    'rules/x.csv:1:19',
    /did you mean `remediation`\?/,
  ],
  [
    'unknown-name',
    rule('p, infusion-pump, remediation, htps, allow, always, x'),
    'rules/x.csv:1:32',
    /did you mean `https`\?/,
  ],
  ['unknown-name', rule('p2, library-1, main, verified, pumps, always, x'), 'rules/x.csv:1:5', /catalog\/classes.yaml/],
  [
    'unknown-name',
    rule('p2, infusion-pump, mian, verified, pumps, always, x'),
    'rules/x.csv:1:20',
    /did you mean `main`\?/,
  ],
  [
    'unknown-name',
    rule('p2, infusion-pump, main, verified, pmps, always, x'),
    'rules/x.csv:1:36',
    /did you mean `pumps`\?/,
  ],
  ['unknown-name', rule('g, zebra-crossing, medical-device'), 'rules/x.csv:1:4', /^declare it in catalog/],
  ['unknown-name', rule('g, library-1, infusion-pump'), 'rules/x.csv:1:15', /a class belongs to classes/],
  ['unknown-name', rule('g, library-1, internal'), 'rules/x.csv:1:15', /in catalog\/endpoints.yaml/],
  ['unknown-name', rule('g, remediation, internet'), 'rules/x.csv:1:17', /in catalog\/endpoints.yaml/],
  ['bad-name', rule('g, library-1, Libraries!'), 'rules/x.csv:1:15', /use a-z, 0-9 and -/],
  ['bad-name', rule('g2, https, web traffic'), 'rules/x.csv:1:12', /use a-z, 0-9 and -/],
  [
    'membership-cycle',
    rule('g, medical-device, infusion-pump'),
    'rules/membership.csv:1:1',
    /remove one line of the cycle/,
  ],
  ['membership-cycle', rule('g, infusion-pump, infusion-pump'), 'rules/x.csv:1:4', /remove this line/],
  ['membership-cycle', rule('g, device, medical-device'), 'rules/x.csv:1:4', /remove this line/],
  ['membership-cycle', rule('g2, any, web'), 'rules/x.csv:1:5', /remove this line/],
  ['membership-cycle', rule('g3, everywhere, main'), 'rules/x.csv:1:5', /remove this line/],
  [
    'membership-too-deep',
    { ...rule(chain(10)), ...classes(chainClasses(10)) },
    'rules/x.csv:1:4',
    /keep chains under 10 links/,
  ],
  // Catalog
  ['bad-name', classes('Ultrasound: {}'), 'catalog/classes-x.yaml:1:1', /use a-z, 0-9 and -/],
  ['bad-name', classes(`${'x'.repeat(65)}: {}`), 'catalog/classes-x.yaml:1:1', /at most 64 characters/],
  ['bad-name', sites('\n1024: {}'), 'catalog/sites-x.yaml:2:1', /put it into "quotes"/],
  [
    'bad-name',
    nas('Switch 1: { address: 10.0.3.12, site: main, profile: rfc, secret: "env:S" }'),
    'network/nas-x.yaml:1:1',
    /use a-z, 0-9 and -/,
  ],
  ['duplicate-name', classes('infusion-pump: {}'), 'catalog/classes.yaml:2:1', /rename one of the two/],
  ['duplicate-name', classes('library-1: {}'), 'catalog/endpoints.yaml:2:1', /share one namespace/],
  ['duplicate-name', classes('internet: {}'), 'catalog/classes-x.yaml:1:1', /choose another name/],
  [
    'duplicate-name',
    endpoints('internet: { addresses: [192.0.2.1] }'),
    'catalog/endpoints-x.yaml:1:1',
    /choose another name/,
  ],
  [
    'duplicate-name',
    endpoints('unknown: { addresses: [192.0.2.1] }'),
    'catalog/endpoints-x.yaml:1:1',
    /choose another name/,
  ],
  ['duplicate-name', applications('any: { ports: [tcp/1] }'), 'catalog/applications-x.yaml:1:1', /choose another name/],
  ['duplicate-name', sites('everywhere: {}'), 'catalog/sites-x.yaml:1:1', /choose another name/],
  [
    'duplicate-name',
    schedules('always: { days: [mon], from: "07:00", to: "08:00", timezone: UTC }'),
    'catalog/schedules-x.yaml:1:1',
    /choose another name/,
  ],
  ['duplicate-name', segments('reject: { sites: {} }'), 'catalog/segments-x.yaml:1:1', /choose another name/],
  ['duplicate-name', classes('a: {}\na: {}'), 'catalog/classes-x.yaml:2:1', /remove or rename/],
  [
    'duplicate-name',
    nas('sw1: { address: 10.0.3.12, site: main, profile: rfc, secret: "env:S" }'),
    'network/nas.yaml:1:1',
    /rename one of the two/,
  ],
  [
    'duplicate-name',
    points('fw1: { driver: nftables, site: main, transport: { kind: local } }'),
    'network/enforcement-points.yaml:1:1',
    /rename one of the two/,
  ],
  [
    'bad-prefix',
    endpoints('a: { addresses: [10.0.0.0/8, 10.0.0.1/8] }'),
    'catalog/endpoints-x.yaml:1:30',
    /clear the bits/,
  ],
  [
    'bad-prefix',
    endpoints('a: { addresses: ["::ffff:10.0.0.1"] }'),
    'catalog/endpoints-x.yaml:1:18',
    /write the IPv4 address itself/,
  ],
  ['bad-prefix', endpoints('a: { addresses: [10.0.0.0/33] }'), 'catalog/endpoints-x.yaml:1:18', /0-32 for IPv4/],
  ['bad-prefix', endpoints('a: { addresses: [server.example] }'), 'catalog/endpoints-x.yaml:1:18', /write 10.10.4.20/],
  [
    'bad-service',
    applications('a: { ports: [tcp/443, tpc/80] }'),
    'catalog/applications-x.yaml:1:23',
    /write tcp\/443/,
  ],
  ['bad-service', applications('a: { ports: [any] }'), 'catalog/applications-x.yaml:1:14', /write tcp\/443/],
  [
    'bad-schedule',
    schedules('a: { days: [mon], from: "7:00", to: "08:00", timezone: UTC }'),
    'catalog/schedules-x.yaml:1:25',
    /write "07:00"/,
  ],
  [
    'bad-schedule',
    schedules('a: { days: [mon], from: "07:00", to: "24:01", timezone: UTC }'),
    'catalog/schedules-x.yaml:1:38',
    /"24:00" at most/,
  ],
  [
    'bad-schedule',
    schedules('a: { days: [mon], from: "07:00", to: "08:00", timezone: Berlin }'),
    'catalog/schedules-x.yaml:1:57',
    /IANA name/,
  ],
  [
    'bad-schedule',
    schedules('a: { days: [], from: "07:00", to: "08:00", timezone: UTC }'),
    'catalog/schedules-x.yaml:1:12',
    /at least one of sun/,
  ],
  ['schema', classes('a: { critical: high }'), 'catalog/classes-x.yaml:1:16', /correct its name/],
  ['schema', classes('a: { criticality: hihg }'), 'catalog/classes-x.yaml:1:19', /did you mean `high`\?/],
  [
    'schema',
    classes('a: { dynamicAuthorization: [coa, disconect] }'),
    'catalog/classes-x.yaml:1:34',
    /did you mean `disconnect`\?/,
  ],
  ['schema', classes('a: { dynamicAuthorization: [] }'), 'catalog/classes-x.yaml:1:28', /docs\/policy-language.md/],
  [
    'schema',
    classes('a: { dynamicAuthorization: [coa, coa] }'),
    'catalog/classes-x.yaml:1:28',
    /docs\/policy-language.md/,
  ],
  ['schema', endpoints('a: { owner: it }'), 'catalog/endpoints-x.yaml:1:4', /docs\/policy-language.md/],
  [
    'schema',
    { ...endpoints(service('namespace: Pharmacy, service: formulary')), ...points(cluster('k1')) },
    'catalog/endpoints-x.yaml:1:39',
    /docs\/policy-language.md/,
  ],
  [
    'schema',
    {
      'catalog/endpoints.yaml': policyFiles()
        .get('catalog/endpoints.yaml')!
        .replace('internal: {', 'internal: { kubernetes: { namespace: pharmacy, service: all },'),
      ...points(cluster('k1')),
    },
    'catalog/endpoints.yaml:1:25',
    /give it addresses alone/,
  ],
  [
    'workload-cluster',
    endpoints(service('namespace: pharmacy, service: formulary')),
    'catalog/endpoints-x.yaml:1:26',
    /add the cluster to network\/enforcement-points.yaml/,
  ],
  [
    'workload-cluster',
    {
      ...endpoints(service('namespace: pharmacy, service: formulary')),
      ...points(cluster('k1') + cluster('k2')),
    },
    'catalog/endpoints-x.yaml:1:26',
    /write `cluster: NAME`, one of k1, k2/,
  ],
  [
    'unknown-name',
    {
      ...endpoints(service('cluster: fw1, namespace: pharmacy, service: formulary')),
      ...points(cluster('k1') + cluster('k2')),
    },
    'catalog/endpoints-x.yaml:1:26',
    /an enforcement point with `driver: kubernetes`/,
  ],
  [
    'workload-namespace',
    {
      ...endpoints(service('cluster: k2, namespace: pharmacy, service: formulary')),
      ...points(cluster('k1') + cluster('k2', 'imaging,ward')),
    },
    'catalog/endpoints-x.yaml:1:26',
    /option `namespaces` of the point/,
  ],
  [
    'workload-duplicate',
    {
      ...endpoints(
        `${service('namespace: pharmacy, service: formulary')}\n${service('namespace: pharmacy, service: formulary').replace('formulary', 'doses')}`,
      ),
      ...points(cluster('k1')),
    },
    'catalog/endpoints-x.yaml:2:22',
    /make one endpoint of them/,
  ],
  [
    'schema',
    segments('a: { sites: { main: { vlan: 4095, prefixes: [10.1.0.0/24, "fd01::/64"] } } }'),
    'catalog/segments-x.yaml:1:29',
    /docs\/policy-language.md/,
  ],
  ['schema', segments('a: { voice: maybe, sites: {} }'), 'catalog/segments-x.yaml:1:13', /docs\/policy-language.md/],
  ['schema', classes('- a\n- b'), 'catalog/classes-x.yaml:1:1', /entries at the top level/],
  ['schema', tests('test: []'), 'tests/x.yaml:1:1', /`tests:` and `invariants:`/],
  [
    'schema',
    tests('tests:\n  - { name: x, from: device, to: internet, app: any, expect: permit }'),
    'tests/x.yaml:2:62',
    /allow, deny/,
  ],
  ['yaml-syntax', classes('a: { b: 1'), 'catalog/classes-x.yaml:1:10', /check indentation, quotes and colons/],
  ['yaml-syntax', classes('a: !secret x'), 'catalog/classes-x.yaml:1:4', /check/],
  ['yaml-syntax', classes('a: {}\n---\nb: {}'), 'catalog/classes-x.yaml:2:1', /check indentation/],
  ['yaml-syntax', classes('a: *nowhere'), 'catalog/classes-x.yaml:1:4', /write the values out/],
  [
    'segment-one-family',
    segments('a: { sites: { main: { vlan: 5, prefixes: [10.1.0.0/24] } } }'),
    'catalog/segments-x.yaml:1:42',
    /one IPv4 and one IPv6 prefix/,
  ],
  [
    'segment-one-family',
    segments('a: { sites: { main: { vlan: 5, prefixes: [] } } }'),
    'catalog/segments-x.yaml:1:42',
    /one IPv4 and one IPv6 prefix/,
  ],
  [
    'unknown-name',
    segments('a: { dedicatedTo: infusion-pum, sites: {} }'),
    'catalog/segments-x.yaml:1:1',
    /did you mean `infusion-pump`\?/,
  ],
  [
    'unknown-name',
    segments('a: { role: nobody-at-all, sites: {} }'),
    'catalog/segments-x.yaml:1:1',
    /declare it in catalog\/classes.yaml/,
  ],
  [
    'unknown-name',
    segments('a: { sites: { mainn: { vlan: 5, prefixes: [10.1.0.0/24, "fd01::/64"] } } }'),
    'catalog/segments-x.yaml:1:1',
    /did you mean `main`\?/,
  ],
  [
    'vlan-overlap',
    segments('a: { sites: { main: { vlan: 210, prefixes: [10.1.0.0/24, "fd01::/64"] } } }'),
    'catalog/segments.yaml:1:1',
    /VLAN of its own/,
  ],
  [
    'vlan-overlap',
    segments('a: { sites: { main-wifi: { vlan: 210, prefixes: [10.1.0.0/24, "fd01::/64"] } } }'),
    'catalog/segments.yaml:1:1',
    /VLAN of its own/,
  ],
  [
    'prefix-overlap',
    segments('a: { sites: { main: { vlan: 5, prefixes: [10.21.4.0/24, "fd01::/64"] } } }'),
    'catalog/segments-x.yaml:1:1',
    /make the prefixes disjoint/,
  ],
  [
    'no-internal',
    {
      'catalog/endpoints.yaml': 'library-1: { addresses: [10.10.4.20, "fd10:4::20"] }',
    },
    'rules/flows.csv:3:1',
    /declare `internal/,
  ],
  [
    'subject-overlaps-segment',
    {
      ...endpoints('everyone: { addresses: [10.0.0.0/8] }'),
      ...rule('p, everyone, infusion-pump, https, allow, always, x'),
    },
    'rules/x.csv:1:1',
    /for the device class instead/,
  ],
  [
    'object-overlaps-segment',
    {
      ...endpoints('everyone: { addresses: [10.0.0.0/8] }'),
      ...rule('p, library-1, everyone, https, allow, always, x'),
    },
    'rules/x.csv:1:1',
    /towards the device class instead/,
  ],
  [
    'not-enforced',
    rule('p, library-1, remediation, https, allow, always, x'),
    'rules/x.csv:1:1',
    /name the class on one side/,
  ],
  // Network
  [
    'bad-prefix',
    nas('a: { address: 10.0.3.300, site: main, profile: rfc, secret: "env:S" }'),
    'network/nas-x.yaml:1:15',
    /write 10.10.4.20/,
  ],
  [
    'nas-duplicate',
    nas('a: { address: 10.0.3.11, site: main, profile: rfc, secret: "env:S" }'),
    'network/nas.yaml:1:1',
    /give each switch its own/,
  ],
  [
    'point-not-reachable',
    points('a: { driver: nftables, site: main, transport: { kind: kubernetes, kubeconfig: in-cluster } }'),
    'network/enforcement-points-x.yaml:1:55',
    /use one of simulated, local, netns, ssh/,
  ],
  [
    'point-option',
    points('a: { driver: nftables, site: main, options: { bridge: br0 }, transport: { kind: local } }'),
    'network/enforcement-points-x.yaml:1:45',
    /README of the driver/,
  ],
  [
    'rollout-stage',
    rollout('stages: [{ name: a, sites: [everywhere] }, { name: b, sites: [main] }]'),
    'network/rollout.yaml:1:10',
    /put it last/,
  ],
  ['rollout-stage', rollout('stages: [{ name: a }]'), 'network/rollout.yaml:1:10', /name `sites` or `devices`/],
  [
    'rollout-stage',
    rollout('stages: [{ name: a, sites: [main] }, { name: a, sites: [main] }]'),
    'network/rollout.yaml:1:38',
    /a name of its own/,
  ],
  [
    'rollout-class',
    rollout('classes: { infusion-pump: { change: maintenance-window } }'),
    'network/rollout.yaml:1:27',
    /name of a schedule/,
  ],
  [
    'rollout-class',
    rollout('classes: { infusion-pump: { change: manual, window: night } }'),
    'network/rollout.yaml:1:27',
    /maintenance-window/,
  ],
  ['unknown-name', rollout('stages: [{ name: a, sites: [mian] }]'), 'network/rollout.yaml:1:29', /did you mean `main`/],
  [
    'point-without-nas',
    points('a: { driver: openvswitch, site: main, options: { bridge: br0 }, transport: { kind: simulated } }'),
    'network/enforcement-points-x.yaml:1:4',
    /nas: NAME/,
  ],
  [
    'proxy-address-shared',
    { 'network/proxies.yaml': 'fr: { address: 10.0.3.11, secret: "env:P", for: all }' },
    'network/proxies.yaml:1:1',
    /an address of its own/,
  ],
  [
    'proxy-for-tls',
    {
      ...nas(
        'a: { address: 10.0.3.12, site: main, profile: rfc, transport: radsec, certificate: { from: dns-name, name: a.test } }',
      ),
      'network/radsec.yaml': 'certificate: "file:c"\nkey: "file:k"\nauthorities: "file:a"\nrevocationLists: null',
      'network/proxies.yaml': 'fr: { address: 10.0.8.5, secret: "env:P", for: [a] }',
    },
    'network/proxies.yaml:1:49',
    /take it out/,
  ],
  [
    'radsec-not-served',
    nas(
      'a: { address: 10.0.3.12, site: main, profile: rfc, transport: radsec, certificate: { from: dns-name, name: a.test } }',
    ),
    'network/nas-x.yaml:1:1',
    /network\/radsec\.yaml/,
  ],
  [
    'secret-in-clear',
    nas('a: { address: 10.0.3.12, site: main, profile: rfc, secret: hunter2 }'),
    'network/nas-x.yaml:1:60',
    /change the secret on the switch/,
  ],
  [
    'unknown-name',
    nas('a: { address: 10.0.3.12, site: main, profile: rcf, secret: "env:S" }'),
    'network/nas-x.yaml:1:47',
    /did you mean `rfc`\?/,
  ],
  [
    'unknown-name',
    nas('a: { address: 10.0.3.12, site: nain, profile: rfc, secret: "env:S" }'),
    'network/nas-x.yaml:1:32',
    /did you mean `main`\?/,
  ],
  [
    'unknown-name',
    nas('a: { address: 10.0.3.12, site: main, profile: rfc, secret: "env:S", ssidSites: { WARD: main-wfi } }'),
    'network/nas-x.yaml:1:88',
    /did you mean `main-wifi`\?/,
  ],
  [
    'unknown-name',
    points('a: { driver: nftable, site: main, transport: { kind: local } }'),
    'network/enforcement-points-x.yaml:1:14',
    /did you mean `nftables`\?/,
  ],
  [
    'schema',
    nas('a: { address: 10.0.3.12, site: main, profile: mikrotik, portAcl: ipv4, secret: "env:X" }'),
    'network/nas-x.yaml:1:66',
    /ipv4-only/,
  ],
  [
    'schema',
    points('a: { driver: nftables, site: main, transport: { kind: telnet } }'),
    'network/enforcement-points-x.yaml:1:55',
    /docs\/policy-language.md/,
  ],
  // Tests
  [
    'unknown-name',
    tests('tests:\n  - { name: x, from: divice, to: internet, app: any, expect: deny }'),
    'tests/x.yaml:2:5',
    /did you mean `device`\?/,
  ],
  [
    'unknown-name',
    tests('tests:\n  - { name: x, class: device, site: main, posture: verified, expect: pmps }'),
    'tests/x.yaml:2:5',
    /did you mean `pumps`\?/,
  ],
  [
    'unknown-name',
    tests('invariants:\n  - { name: x, only: { from: 10.1.1.1, to: infusion-pump } }'),
    'tests/x.yaml:2:30',
    /correct the invariant/,
  ],
  // What switches do while no RADIUS server answers
  [
    'server-down-segment',
    serverDown('{ segment: pumps }'),
    'network/server-down.yaml:3:20',
    /give the segment a `role`/,
  ],
  [
    'server-down-segment',
    serverDown(
      '{ segment: s }',
      segments(
        's: { dedicatedTo: infusion-pump, role: quarantined, sites: { main: { vlan: 9, prefixes: [10.9.0.0/24, "fd09::/64"] } } }',
      ),
    ),
    'network/server-down.yaml:3:20',
    /a segment of its own/,
  ],
  [
    'server-down-segment',
    serverDown(
      '{ segment: s }',
      segments('s: { voice: true, role: unknown, sites: { main: { vlan: 9, prefixes: [10.9.0.0/24, "fd09::/64"] } } }'),
    ),
    'network/server-down.yaml:3:20',
    /name it under `voice`/,
  ],
  [
    'server-down-segment',
    serverDown(
      '{ segment: s }',
      segments('s: { role: unknown, sites: { main-wifi: { vlan: 9, prefixes: [10.9.0.0/24, "fd09::/64"] } } }'),
    ),
    'network/server-down.yaml:3:20',
    /add the site to the segment/,
  ],
  [
    'server-down-segment',
    serverDown('{ segment: quarantine, voice: pumps }'),
    'network/server-down.yaml:3:39',
    /`voice: true`/,
  ],
  ['server-down-segment', serverDown('{ segment: quarantine }'), 'network/nas.yaml:1:1', /a segment of its own/],
  [
    'unknown-name',
    serverDown('{ segment: quarantin }'),
    'network/server-down.yaml:3:20',
    /did you mean `quarantine`\?/,
  ],
  [
    'unknown-name',
    serverDown('{ segment: quarantine, servers: [c] }'),
    'network/server-down.yaml:3:42',
    /use one of b/,
  ],
  [
    'unknown-name',
    { 'network/server-down.yaml': 'sites: { mian: none }' },
    'network/server-down.yaml:1:16',
    /did you mean `main`\?/,
  ],
  [
    'unknown-name',
    { 'network/server-down.yaml': 'nas: { sw2: none }' },
    'network/server-down.yaml:1:13',
    /did you mean `sw1`\?/,
  ],
  [
    'bad-prefix',
    { 'network/server-down.yaml': 'servers: { b: { address: bridge } }' },
    'network/server-down.yaml:1:26',
    /10\.0\.8\.10/,
  ],
  [
    'schema',
    { 'network/server-down.yaml': 'sites: { main: { segment: quarantine } }' },
    'network/server-down.yaml:1:16',
    /name the bridges/,
  ],
  // Files
  ['unknown-file', { 'rules/flows.txt': '' }, 'rules/flows.txt:1:1', /\.csv files under rules/],
  ['unknown-file', { 'catalog/devices.yaml': '' }, 'catalog/devices.yaml:1:1', /name it catalog\/classes.yaml/],
  ['unknown-file', { 'network/firewalls.yaml': '' }, 'network/firewalls.yaml:1:1', /network\/enforcement-points.yaml/],
  ['unknown-file', { 'tests/flows.csv': '' }, 'tests/flows.csv:1:1', /\.yaml files under tests/],
  ['unknown-file', { 'flows.csv': '' }, 'flows.csv:1:1', /move it under rules/],
  ['unknown-file', { 'Rules/denies.csv': '' }, 'Rules/denies.csv:1:1', /under rules\//],
  ['unknown-file', { 'rule/denies.csv': '' }, 'rule/denies.csv:1:1', /under rules\//],
  [
    'unsupported-model',
    { 'model.conf': '[request_definition]\nr = sub, obj, act\n' },
    'model.conf:2:1',
    /take model.conf from the sample/,
  ],
];

/** Codes that only compiling or running the policy's tests gives. */
const fromCompiling: readonly PolicyCode[] = [
  'acl-over-budget',
  'access-tie',
  'dedicated-segment',
  'expired-rule',
  'expiring-deny',
  'no-quarantine',
  'peer-not-in-port-acl',
  'reply-not-expressible',
  'reply-too-large',
  'server-down-flows',
  'segment-not-at-site',
  'acl-by-name',
  'point-unsupported',
  'port-acl-elsewhere',
  'port-acl-not-enforced',
  'voice-not-expressible',
  'test-failed',
  'workload-in-segment',
];

/** Codes that only analysis of a policy that compiles gives. */
const fromAnalysis: readonly PolicyCode[] = [
  'acl-near-budget',
  'client-exception',
  'client-exception-ended',
  'client-exception-ending',
  'deny-without-effect',
  'ignore-unused',
  'name-unused',
  'quarantine-of-life-critical',
  'rule-expires-soon',
  'rule-never-matches',
  'rule-partly-shadowed',
  'rule-redundant',
  'rule-shadowed',
  'rule-too-broad',
  'rules-contradict',
  'server-down-by-hand',
  'server-down-make',
  'server-down-missing',
  'workload-no-address',
];

describe('the loader says what is wrong, where, and what to do', () => {
  it.each(refusals.map(([code, parts, place, hint]) => ({ code, place, hint, parts })))(
    '$code at $place',
    ({ code, parts, place, hint }) => {
      const found = findings(parts);
      const own = found.filter((finding) => finding.code === code);
      expect(own.map(placeOf)).toContain(place);
      const finding = own.find((one) => placeOf(one) === place);
      expect(finding!.hint).toMatch(hint);
      expect(finding!.severity).toBe(policyCodes[code][0]);
      expect(finding!.summary).toMatch(/^[^A-Z\n]|^`|^VLAN/);
      expect(finding!.summary).not.toMatch(/\.$/);
      const severe = found.filter(({ severity }) => severity === 'error');
      if (policyCodes[code][0] === 'error') expect(loadPolicy(policyFiles(parts)).ok).toBe(false);
      else expect(severe).toEqual([]);
    },
  );

  it('for every code that loading can give', () => {
    const [empty] = loadPolicy(new Map([['README.md', 'nothing here']])).diagnostics;
    expect(empty).toMatchObject({ code: 'empty-policy', hint: expect.stringContaining('rules/') as string });
    // `artefact-differs` is a fault that no policy brings about: compile/budgets.spec.ts makes one.
    // `not-formatted` is for who formats: format/yaml-text.spec.ts; `audit-refused` for who checks: audit-lines.spec.ts.
    const covered = new Set<string>([
      'artefact-differs',
      'audit-refused',
      'not-formatted',
      ...refusals.map(([code]) => code),
      ...fromCompiling,
      ...fromAnalysis,
      'empty-policy',
    ]);
    expect([...covered].sort()).toEqual(Object.keys(policyCodes).sort());
  });

  it('all at once, in order of place', () => {
    const found = findings({
      ...classes('Bad: {}\nworse name: {}'),
      ...rule('q, a\np, a, b, c, maybe, sometimes, x\np2, a, b, c, d, e, f'),
      ...nas('a: { address: x, site: y, profile: z, secret: s }'),
    });
    const places = found.map(placeOf);
    expect(found.map(({ code, span }) => `${span!.file.split('/')[0]} ${code}`)).toEqual([
      'catalog bad-name',
      'catalog bad-name',
      'network bad-prefix',
      'network unknown-name',
      'network unknown-name',
      'network secret-in-clear',
      'rules unknown-line-type',
      'rules unknown-name',
      'rules unknown-name',
      'rules unknown-name',
      'rules bad-effect',
      'rules bad-when',
      'rules unknown-name',
      'rules unknown-name',
      'rules bad-posture',
      'rules unknown-name',
      'rules bad-when',
    ]);
    expect(new Set(places).size).toBe(places.length);
  });

  it('without showing a secret that stands in the clear', () => {
    const found = findings(nas('a: { address: 10.0.3.12, site: main, profile: rfc, secret: hunter2 }'));
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  it('names both overlapping prefixes, however the segments lie', () => {
    const found = findings(
      segments(
        [
          'a: { sites: { main: { vlan: 5, prefixes: [10.21.1.0/24, "fd01::/64"] } } }',
          'b: { sites: { main: { vlan: 6, prefixes: [10.21.4.0/24, "fd02::/64"] } } }',
        ].join('\n'),
      ),
    );
    expect(found.map(({ summary }) => summary)).toEqual([
      '`a` at `main` shares 10.21.1.0/24 with `pumps` at `main`',
      '`b` at `main` shares 10.21.4.0/24 with `pumps` at `main`',
    ]);
  });
});

describe('the loader accepts', () => {
  it('the small policy, without a finding', () => {
    const loaded = loadPolicy(policyFiles());
    expect(loaded.diagnostics).toEqual([]);
    expect(loaded.ok).toBe(true);
  });

  it('the sample hospital, without an error', () => {
    const loaded = loadPolicy(sampleFiles());
    expect(loaded.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(loaded.ok && loaded.value.flowRules.length).toBeGreaterThan(100);
  });

  it.each([
    [
      'a chain of nine declared links, to which the root adds the tenth',
      { ...rule(chain(9)), ...classes(chainClasses(9)) },
    ],
    ['a description of the built-in classes', classes('device: { description: all }\nunknown: { description: none }')],
    [
      'entries split over files and folders',
      { 'catalog/classes/imaging.yaml': 'ct-scanner: {}', 'rules/imaging/flows.csv': 'g, ct-scanner, medical-device' },
    ],
    [
      'a service of the only cluster, and one of a named cluster, with and without addresses',
      {
        ...endpoints(
          [
            'formulary: { kubernetes: { cluster: k1, namespace: pharmacy, service: formulary } }',
            'doses: { addresses: [10.1.1.1], kubernetes: { cluster: k2, namespace: pharmacy, service: formulary } }',
          ].join('\n'),
        ),
        ...points(cluster('k1') + cluster('k2')),
      },
    ],
    ['an anchor and its alias', endpoints('a: { addresses: &both [10.1.1.1, "fd01::1"] }\nb: { addresses: *both }')],
    [
      'notes and folders of other tools',
      { 'rules/README.md': 'x', '.github/workflows/check.yaml': 'x', 'inventory/devices.csv': 'x' },
    ],
    [
      'model.conf with comments and another layout',
      {
        'model.conf': sampleFiles()
          .get('model.conf')!
          .replaceAll(' = ', '=')
          .replace('[matchers]', '# why\n\n[matchers]'),
      },
    ],
    ['a file of comments only', { 'catalog/classes-x.yaml': '# nothing yet\n', 'rules/x.csv': '# nothing yet\n' }],
  ] satisfies readonly (readonly [string, Parts])[])('%s', (_, parts) => {
    expect(findings(parts)).toEqual([]);
  });

  it('CRLF, a byte order mark and a missing last newline as the same policy', () => {
    const plain = loadPolicy(policyFiles());
    const windows = loadPolicy(
      new Map([...policyFiles()].map(([file, text]) => [file, `\uFEFF${text.trimEnd().replaceAll('\n', '\r\n')}`])),
    );
    expect(windows.diagnostics).toEqual([]);
    expect(windows).toEqual(plain);
  });
});
