import fc from 'fast-check';
import { parseAddress, type Address } from '#net';
import type { NaivePacket } from './naive.js';

/*
 * Small random policies in a small universe, so that rules overlap often: 16 + 16 addresses of endpoints, five classes in
 * a random hierarchy, three segments, a few ports.
 */
const classes = ['pump', 'monitor', 'scanner', 'medical', 'imaging'];
const endpoints = ['e0', 'e1', 'e2', 'e3', 'e4'];
const groups = ['ga', 'gb'];
const applications = ['a0', 'a1', 'a2', 'a3'];
const principals = [...classes, 'device', 'unknown', ...endpoints, ...groups, 'internet'];
const ports = ['tcp/80', 'tcp/80-82', 'tcp/443', 'udp/53', 'udp/50-60', 'icmp/8', 'icmp6/128', 'icmp', 'tcp', 'ip/50'];

const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 28, max: 32 }))
    .map(([host, length]) => `10.0.0.${host & (0xf << (32 - length))}/${length}`),
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 124, max: 128 }))
    .map(([host, length]) => `fd00::${(host & (0xf << (128 - length))).toString(16)}/${length}`),
);
const some = <T>(from: readonly T[]) => fc.constantFrom(...from);

export const policyFiles = fc
  .record({
    addresses: fc.array(fc.array(address, { minLength: 1, maxLength: 3 }), {
      minLength: endpoints.length,
      maxLength: endpoints.length,
    }),
    services: fc.array(fc.uniqueArray(some(ports), { minLength: 1, maxLength: 3 }), {
      minLength: applications.length,
      maxLength: applications.length,
    }),
    parents: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: classes.length, maxLength: classes.length }),
    members: fc.uniqueArray(fc.tuple(some(endpoints), some(groups)), {
      minLength: 2,
      maxLength: 5,
      selector: (pair) => pair.join(),
    }),
    rules: fc.uniqueArray(
      fc.tuple(
        some(principals),
        some(principals),
        some([...applications, 'any', 'web']),
        fc.boolean(),
        some(['always', 'until 2020-01-01', 'until 2030-01-01']),
      ),
      { minLength: 1, maxLength: 12, selector: (rule) => rule.join() },
    ),
    dedicated: fc.boolean(),
  })
  .map(({ addresses, services, parents, members, rules, dedicated }) => {
    const declared = new Set(members.map(([, group]) => group));
    const known = (name: string): boolean => !groups.includes(name) || declared.has(name);
    // A parent always has a higher index, so there is no cycle.
    const links = parents.flatMap((step, i) =>
      step > 0 && classes[i + step] !== undefined ? [`g, ${classes[i]}, ${classes[i + step]}`] : [],
    );
    const flows = rules.filter(([subject, object]) => known(subject) && known(object));
    return new Map([
      ['catalog/classes.yaml', classes.map((name) => `${name}: {}`).join('\n')],
      [
        'catalog/endpoints.yaml',
        [
          ...endpoints.map((name, i) => `${name}: { addresses: ${JSON.stringify(addresses[i])} }`),
          'internal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
        ].join('\n'),
      ],
      [
        'catalog/applications.yaml',
        applications.map((name, i) => `${name}: { ports: ${JSON.stringify(services[i])} }`).join('\n'),
      ],
      ['catalog/sites.yaml', 'main: {}'],
      ['catalog/segments.yaml', segments(dedicated)],
      [
        'rules/membership.csv',
        ['g2, a0, web', 'g2, a1, web', ...links, ...members.map(([child, group]) => `g, ${child}, ${group}`)].join(
          '\n',
        ),
      ],
      [
        'rules/flows.csv',
        flows
          .map(
            ([subject, object, app, allow, when]) =>
              `p, ${subject}, ${object}, ${app}, ${allow ? 'allow' : 'deny'}, ${when}, note`,
          )
          .join('\n'),
      ],
      ['rules/access.csv', access.join('\n')],
    ]);
  });

const segments = (dedicated: boolean): string =>
  [
    `pumps: { ${dedicated ? 'dedicatedTo: pump, ' : ''}sites: { main: { vlan: 10, prefixes: [10.1.0.0/24, "fd01::/64"] } } }`,
    'others: { sites: { main: { vlan: 20, prefixes: [10.2.0.0/24, "fd02::/64"] } } }',
    'jail: { role: unknown, sites: { main: { vlan: 30, prefixes: [10.3.0.0/24, "fd03::/64"] } } }',
  ].join('\n');

const access = [
  'p2, pump, main, unverified, pumps, always, note',
  'p2, monitor, main, unverified, others, always, note',
  'p2, scanner, main, unverified, others, always, note',
  'p2, device, main, quarantined, jail, always, note',
];

const far = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 15 }).map((host) => `10.0.0.${host}`) },
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 15 }).map((host) => `fd00::${host.toString(16)}`) },
  { weight: 1, arbitrary: some(['192.0.2.1', '2001:db8::1', '10.9.9.9']) },
);
export const service = some<readonly [number, number]>([
  [6, 80],
  [6, 81],
  [6, 443],
  [6, 9],
  [17, 53],
  [17, 55],
  [1, 8],
  [1, 3],
  [58, 128],
  [50, 0],
]);
const device = some([...classes, 'device', 'unknown']);

export const at = (text: string): Address => parseAddress(text)!;

/** Where devices of a class are, by the access rules above. */
export const deviceAddress: Readonly<Record<string, readonly string[]>> = {
  pump: ['10.1.0.7', 'fd01::7'],
  monitor: ['10.2.0.7', 'fd02::7'],
  scanner: ['10.2.0.8', 'fd02::8'],
  unknown: ['10.3.0.7', 'fd03::7'],
};

/** Device to endpoint, endpoint to device, device to device; never ICMP of the other family. */
export const packets: fc.Arbitrary<NaivePacket> = fc
  .tuple(device, far, service, some(['out', 'in', 'peer'] as const), device)
  .filter(([, address, [protocol]]) => protocol !== (address.includes(':') ? 1 : 58))
  .map(([own, address, [protocol, port], direction, peer]) => {
    const near = { class: own };
    const other = direction === 'peer' ? { class: peer } : { address: at(address) };
    return direction === 'in'
      ? { source: other, destination: near, protocol, port }
      : { source: near, destination: other, protocol, port };
  });
