const list = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

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

const zones = 20;
const subnetsPerZone = 10;
const portsPerService = 5;

/**
 * Rules that lie on one another: a class tree of three levels, servers in subnets in zones (each of which rules name), ranges
 * of ports that overlap, rules for all devices, one allow in eight taken back by a deny, and one rule in ten for a time. As
 * files of a policy folder.
 */
export function overlappingPolicy(ruleCount: number, seed = 1): ReadonlyMap<string, string> {
  const random = numbers(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const departments = list(20, (i) => `department-${i}`);
  const kinds = list(Math.max(180, ruleCount / 40), (i) => `kind-${i}`);
  const subnets = list(zones * subnetsPerZone, (i) => i);
  const servers = list(Math.min(40_000, Math.max(2000, ruleCount / 4)), (i) => i);
  const subnetOf = (server: number): number => server % subnets.length;
  const serverAddress = (server: number): string => {
    const host = Math.floor(server / subnets.length) + 1;
    return `10.${16 + Math.floor(subnetOf(server) / subnetsPerZone)}.${subnetOf(server) % subnetsPerZone}.${host}`;
  };
  const services = list(60, (i) => `service-${i}`);
  const objects = (): string => {
    const kind = random();
    if (kind < 0.7) return `server-${pick(servers)}`;
    if (kind < 0.85) return `subnet-${pick(subnets)}`;
    if (kind < 0.88) return `zone-${Math.floor(random() * zones)}`;
    if (kind < 0.97) return pick(kinds);
    return pick(departments);
  };
  const rule = (): string => {
    const level = random();
    const subject = level < 0.02 ? 'device' : level < 0.15 ? pick(departments) : pick(kinds);
    const when = random() < 0.9 ? 'always' : pick(['night', 'office', 'until 2030-01-01', 'until 2031-01-01']);
    const app = random() < 0.95 ? pick(services) : 'any';
    return `p, ${subject}, ${objects()}, ${app}, ${random() < 0.125 ? 'deny' : 'allow'}, ${when}`;
  };
  const rules = new Set<string>([
    'p, device, internal, service-0, deny, always',
    'p, device, zone-0, any, deny, always',
  ]);
  while (rules.size < ruleCount) rules.add(rule());
  return new Map([
    ['catalog/classes.yaml', ['jailed', ...departments, ...kinds].map((name) => `${name}: {}`).join('\n')],
    [
      'catalog/endpoints.yaml',
      [
        'internal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
        ...list(zones, (i) => `zone-${i}: { addresses: [10.${16 + i}.0.0/16, "fd10:${i}::/32"] }`),
        ...subnets.map((i) => {
          const [zone, subnet] = [Math.floor(i / subnetsPerZone), i % subnetsPerZone];
          return `subnet-${i}: { addresses: [10.${16 + zone}.${subnet}.0/24, "fd10:${zone}:${subnet}::/48"] }`;
        }),
        ...servers.map((i) => `server-${i}: { addresses: [${serverAddress(i)}] }`),
      ].join('\n'),
    ],
    [
      'catalog/applications.yaml',
      services
        .map((name, i) => `${name}: { ports: [tcp/${8000 + i * 2}-${8000 + i * 2 + portsPerService}] }`)
        .join('\n'),
    ],
    [
      'catalog/schedules.yaml',
      ['night', 'office']
        .map((name) => `${name}: { days: [mon], from: "01:00", to: "05:00", timezone: UTC }`)
        .join('\n'),
    ],
    ['catalog/sites.yaml', 'main: {}'],
    [
      'catalog/segments.yaml',
      [
        'all: { sites: { main: { vlan: 10, prefixes: [10.200.0.0/16, "fd01::/64"] } } }',
        'jail: { role: jailed, sites: { main: { vlan: 20, prefixes: [10.201.0.0/16, "fd02::/64"] } } }',
      ].join('\n'),
    ],
    ['rules/membership.csv', kinds.map((name, i) => `g, ${name}, ${departments[i % departments.length]}`).join('\n')],
    ['rules/flows.csv', [...rules].map((line) => `${line}, generated`).join('\n')],
    [
      'rules/access.csv',
      [
        'p2, device, main, unverified, all, always, generated',
        'p2, device, everywhere, quarantined, jail, always, generated',
      ].join('\n'),
    ],
  ]);
}
