import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { prefixesOf, siteName, siteOfSwitch, switchAddress, switchName, type EstateSize } from './estate.ts';

const folder = join(import.meta.dirname, '../../../policies');
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

interface Segment {
  readonly sites: Record<string, { readonly vlan: number; readonly prefixes: readonly string[] }>;
}

const segments = parse(read('catalog/segments.yaml')) as Record<string, Segment>;

/** What is said of the sample's own switches and devices has no meaning in the estate. */
const isOfAnyPlace = (path: string): boolean =>
  !/^(inventory|network)\//.test(path) || path === 'network/suspicions.yaml';

/** In the order in which they have their numbers. */
export const segmentNames: readonly string[] = Object.keys(segments);
export const quarantineVlan = segments['quarantine']!.sites['main']!.vlan;

/**
 * The sample hospital with other places: its `main` stands above the sites of the estate, so that its access rules hold there, and each
 * of these has segments, switches and a firewall of its own.
 */
export function estatePolicy(
  size: EstateSize,
  ports: { readonly coa: number; readonly firewall: (site: number) => string | null },
) {
  const sites = Array.from({ length: size.sites }, (_, n) => siteName(n));
  const files = Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(csv|yaml|conf)$/.test(path) && isOfAnyPlace(path))
      .map((path): [string, string] => [path, read(path)]),
  );
  const placed = Object.entries(segments).map(([name, segment], number): [string, Segment] => {
    const { vlan } = segment.sites['main']!;
    const own = sites.map((site, n): [string, Segment['sites'][string]] => [
      site,
      { vlan, prefixes: prefixesOf(number, n) },
    ]);
    return [name, { ...segment, sites: { ...segment.sites, ...Object.fromEntries(own) } }];
  });
  const switches = Array.from({ length: size.switches }, (_, n) => {
    const site = siteName(siteOfSwitch(n, size));
    return `${switchName(n)}: { address: ${switchAddress(n)}, site: ${site}, profile: rfc, secret: "env:SECRET_RFC", coaPort: ${ports.coa}, aclEntries: 128 }\n`;
  });
  const points = sites.map((site, n) => {
    const namespace = ports.firewall(n);
    const transport = namespace === null ? '{ kind: simulated }' : `{ kind: netns, namespace: ${namespace} }`;
    return `${site}-fw: { driver: nftables, site: ${site}, transport: ${transport} }\n`;
  });
  return {
    ...files,
    'catalog/segments.yaml': stringify(Object.fromEntries(placed)),
    'catalog/sites.yaml': `${files['catalog/sites.yaml']!}${sites.map((site) => `${site}: { description: "of the estate", timezone: Europe/Berlin }\n`).join('')}`,
    'rules/membership.csv': `${files['rules/membership.csv']!}${sites.map((site) => `g3, ${site}, main\n`).join('')}`,
    'network/nas.yaml': switches.join(''),
    'network/enforcement-points.yaml': points.join(''),
    ...rolloutFile(asFastAsCanBe),
  };
}

export interface Rollout {
  /** How fast switches are told; null: as fast as can be. */
  readonly changesPerSecond: number | null;
  /** The first site goes before the others; else all are changed at once. */
  readonly isStaged: boolean;
}

export const rolloutFile = ({ changesPerSecond, isStaged }: Rollout): Record<string, string> => ({
  'network/rollout.yaml': `limits: { changesPerSecond: ${changesPerSecond} }
stages: [${isStaged ? `{ name: first, sites: [${siteName(0)}] }` : ''}]
`,
});

export const asFastAsCanBe: Rollout = { changesPerSecond: null, isStaged: false };

const medical = 'rules/flows-medical.csv';
const base = 'rules/flows-base.csv';
const pumpLine = /^p, infusion-pump, pump-gateway, .*\n/m;

export type Edit = 'one class' | 'all classes';

/** Each takes one line away or brings it back: `on` in turn. */
export const edits: Readonly<Record<Edit, (on: boolean) => Record<string, string>>> = {
  'one class': (on) => ({ [medical]: on ? read(medical).replace(pumpLine, '') : read(medical) }),
  'all classes': (on) => ({
    [base]: `${read(base)}${on ? 'p, networked-device, log-collectors, syslog-tls, allow, always, "events of all devices"\n' : ''}`,
  }),
};
