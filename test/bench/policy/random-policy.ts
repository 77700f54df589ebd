import { list, Numbers } from './numbers.ts';
import type { PolicyParameters } from './parameters.ts';
import { flowLine, nasFile, siteName } from './policy-lines.ts';

const mostPrefixes = 184 * 128;

/** A third octet in steps, so that prefixes of one network lie apart and don't melt into one. */
const prefix = (i: number): string => `10.${16 + (i >> 7)}.${(i & 127) * 2}.0/25`;
const prefix6 = (i: number): string => `"fd10:${(i >> 7).toString(16)}:${((i & 127) * 2).toString(16)}::/64"`;

/**
 * Classes that are allowed services at networks drawn at random, and one deny above them all. Nothing repeats and nothing
 * merges: the worst that a policy of this size can be.
 */
export function randomPolicy(parameters: PolicyParameters): ReadonlyMap<string, string> {
  const { seed, rules, classes, endpoints, prefixesPerEndpoint, depth, denies, ipv6, sites, nas } = parameters;
  if (endpoints * prefixesPerEndpoint > mostPrefixes) throw new Error(`at most ${mostPrefixes} prefixes can be drawn`);
  if (parameters.towardsDevices > 0) throw new Error('`random` has no rules towards devices');
  const numbers = new Numbers(seed);
  const services = Math.ceil(rules / classes);
  const flows = list(rules, (i) => {
    const network = `network-${numbers.below(endpoints)}`;
    const effect = numbers.chance(denies) ? 'deny' : 'allow';
    return flowLine(`class-${Math.floor(i / services)}`, network, `service-${i % services}`, effect);
  });
  const prefixes = (network: number): string => {
    const own = list(prefixesPerEndpoint, (i) => network + i * endpoints);
    return [...own.map(prefix), ...(numbers.chance(ipv6) ? own.map(prefix6) : [])].join(', ');
  };
  const perLevel = Math.ceil(classes / depth);
  const parent = (i: number): string =>
    i < perLevel ? 'device' : `class-${(Math.floor(i / perLevel) - 1) * perLevel + numbers.below(perLevel)}`;
  const placed = (vlan: number, octet: number): string =>
    list(sites, (site) => {
      const prefixes = `10.${octet + site * 2}.0.0/16, "fd01:${octet + site * 2}::/64"`;
      return `${siteName(site, sites)}: { vlan: ${vlan}, prefixes: [${prefixes}] }`;
    }).join(', ');
  return new Map([
    ['catalog/classes.yaml', ['jailed: {}', ...list(classes, (i) => `class-${i}: {}`)].join('\n')],
    [
      'catalog/endpoints.yaml',
      [
        'internal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
        'forbidden: { addresses: [10.16.0.0/26] }',
        ...list(endpoints, (i) => `network-${i}: { addresses: [${prefixes(i)}] }`),
      ].join('\n'),
    ],
    ['catalog/applications.yaml', list(services, (i) => `service-${i}: { ports: [tcp/${8000 + i * 10}] }`).join('\n')],
    ['catalog/sites.yaml', list(sites, (site) => `${siteName(site, sites)}: {}`).join('\n')],
    [
      'catalog/segments.yaml',
      [`all: { sites: { ${placed(10, 200)} } }`, `jail: { role: jailed, sites: { ${placed(20, 201)} } }`].join('\n'),
    ],
    ['rules/membership.csv', list(classes, (i) => `g, class-${i}, ${parent(i)}`).join('\n')],
    ['rules/flows.csv', [...flows, flowLine('device', 'forbidden', 'any', 'deny')].join('\n')],
    [
      'rules/access.csv',
      [
        'p2, device, everywhere, unverified, all, always, "generated"',
        'p2, device, everywhere, quarantined, jail, always, "generated"',
      ].join('\n'),
    ],
    ...nasFile(nas, sites),
  ]);
}
