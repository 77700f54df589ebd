const classCount = 200;
const serviceCount = 20;
const networkCount = 200;
const prefixesPerNetwork = 10;

/** Numbers from 0 to below 1, always the same for a seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const list = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** A third octet in steps, so that prefixes of one network lie apart and don't melt into one. */
const prefix = (i: number): string => `10.${16 + (i >> 7)}.${(i & 127) * 2}.0/25`;

/**
 * 200 classes, each allowed 20 services at networks drawn at random: 4,000 flow rules over 2,000 prefixes, and one deny above
 * them all. As files of a policy folder.
 */
export function generatedPolicy(seed = 1): ReadonlyMap<string, string> {
  const random = numbers(seed);
  const flows = list(classCount, (device) =>
    list(serviceCount, (service) => {
      const network = Math.floor(random() * networkCount);
      return `p, class-${device}, network-${network}, service-${service}, allow, always, "generated"`;
    }),
  ).flat();
  const prefixes = (network: number): string[] => list(prefixesPerNetwork, (i) => prefix(network + i * networkCount));
  return new Map([
    ['catalog/classes.yaml', ['jailed: {}', ...list(classCount, (i) => `class-${i}: {}`)].join('\n')],
    [
      'catalog/endpoints.yaml',
      [
        'internal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
        'forbidden: { addresses: [10.16.0.0/26] }',
        ...list(networkCount, (i) => `network-${i}: { addresses: [${prefixes(i).join(', ')}] }`),
      ].join('\n'),
    ],
    [
      'catalog/applications.yaml',
      list(serviceCount, (i) => `service-${i}: { ports: [tcp/${8000 + i * 10}] }`).join('\n'),
    ],
    ['catalog/sites.yaml', 'main: {}'],
    [
      'catalog/segments.yaml',
      [
        'all: { sites: { main: { vlan: 10, prefixes: [10.200.0.0/16, "fd01::/64"] } } }',
        'jail: { role: jailed, sites: { main: { vlan: 20, prefixes: [10.201.0.0/16, "fd02::/64"] } } }',
      ].join('\n'),
    ],
    ['rules/membership.csv', list(classCount, (i) => `g, class-${i}, device`).join('\n')],
    ['rules/flows.csv', [...flows, 'p, device, forbidden, any, deny, always, "generated"'].join('\n')],
    [
      'rules/access.csv',
      [
        'p2, device, main, unverified, all, always, "generated"',
        'p2, device, everywhere, quarantined, jail, always, "generated"',
      ].join('\n'),
    ],
  ]);
}
