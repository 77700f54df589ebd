import { checkPoint } from '#drivers';
import { buildSnapshot, type Snapshot } from '#policy';

/*
 *   bridge-a ── main-1, main-2 ── pumps at main ─── fw: nftables, by SSH ────┐
 *                                                                            ├─ drug library, remediation, internet
 *   bridge-b ── branch-1, branch-2 ── pumps at branch ─── sw: Open vSwitch ──┘
 */

export const sites = ['main', 'branch'] as const;
export type Site = (typeof sites)[number];

export const vlans = { pumps: 210, quarantine: 666 } as const;
export type Vlan = (typeof vlans)[keyof typeof vlans];

export interface NasPlan {
  readonly name: string;
  readonly site: Site;
  readonly address: string;
}

export const nasPlans: readonly NasPlan[] = [
  { name: 'main-1', site: 'main', address: '127.0.1.1' },
  { name: 'main-2', site: 'main', address: '127.0.1.2' },
  { name: 'branch-1', site: 'branch', address: '127.0.2.1' },
  { name: 'branch-2', site: 'branch', address: '127.0.2.2' },
];
export const coaPort = 3799;

export interface DevicePlan {
  readonly mac: string;
  readonly nas: NasPlan;
  /** Nobody has registered it when it all begins. */
  readonly isStranger: boolean;
  /** In each VLAN it has addresses of this number. */
  readonly number: number;
}

/** On each switch two pumps, and on the second of each site a stranger more. */
export const devicePlans: readonly DevicePlan[] = nasPlans
  .flatMap((nas) => [
    { nas, isStranger: false },
    { nas, isStranger: false },
    ...(nas.name.endsWith('2') ? [{ nas, isStranger: true }] : []),
  ])
  .map((plan, i) => ({ ...plan, number: 10 + i, mac: macOf(i) }));

export function macOf(number: number): string {
  return `00:1a:2b:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`;
}

/** Third octet of IPv4 and second group of IPv6, by site. */
const places = { main: { third: 0, group: '' }, branch: { third: 32, group: ':1' } } as const;

export function addressesOf({ number, nas: { site } }: DevicePlan, vlan: Vlan): { v4: string; v6: string } {
  const { third, group } = places[site];
  const net = vlan === vlans.pumps ? 21 : 66;
  return { v4: `10.${net}.${third}.${number}`, v6: `fd${net}${group}::${number}` };
}

export const servers = {
  library: { v4: '10.10.4.20', v6: 'fd10:4::20' },
  remediation: { v4: '10.10.9.9', v6: 'fd10:9::9' },
  internet: { v4: '203.0.113.9', v6: '2001:db8:9::9' },
} as const;

/** What the policy may open for pumps, each for itself: a version of the policy is the set of those that are open. */
export const services = [
  { name: 'telemetry', protocol: 'tcp', port: 8441 },
  { name: 'alarms', protocol: 'udp', port: 8442 },
  { name: 'firmware', protocol: 'tcp', port: 8443 },
] as const;
/** Only for a pump for which the glass was broken. */
export const openPort = 8500;
/** No policy ever opens it. */
export const closedPort = 9999;
export const serverPorts = [443, openPort, closedPort, ...services.map(({ port }) => port)];

export interface PolicyVersion {
  /** Indices of `services`. */
  readonly open: readonly number[];
  /** In stages: a canary, main, branch. */
  readonly isStaged: boolean;
}

/** How the two enforcement points are reached. */
export interface PointPlans {
  readonly ssh: { readonly host: string; readonly identity: string; readonly hostKey: string };
  readonly openvswitch: { readonly ovsdb: string; readonly openflow: string };
}

const stages = `stages: [{ name: canary, devices: ['${macOf(0)}'] }, { name: main-first, sites: [main] }]
`;
const rollout = `gates: { refused: 40, rejected: 40, missing: null, denied: null, least: 2, action: halt }
inUse: { waitHours: 1 }
breakGlass: { mostHours: 1 }
classes: { infusion-pump: { breakGlass: pump-open } }
`;

/** The sample of `tinyPolicy`, grown to two sites. */
export function policyFiles({ open, isStaged }: PolicyVersion, points: PointPlans): Record<string, string> {
  const opened = open.map((i) => services[i]!.name);
  return {
    'rules/flows.csv': `p, infusion-pump, drug-library, https, allow, always, "pumps fetch their library"
p, pump-open, drug-library, service-port, allow, always, "break-glass"
p, medical-device, internet, any, deny, always, "no device reaches the internet"
p, quarantined, remediation, https, allow, always, "what a quarantined device may still do"
${opened.map((name) => `p, infusion-pump, drug-library, ${name}, allow, always, "opened for now"\n`).join('')}`,
    'rules/access.csv': `p2, device, everywhere, quarantined, quarantine, always, "every class has a way into quarantine"
p2, device, everywhere, at-risk, quarantine, always, "at risk"
p2, infusion-pump, everywhere, unverified, pumps, always, "by MAC"
p2, infusion-pump, everywhere, verified, pumps, always, "by certificate"
p2, unknown, everywhere, unverified, quarantine, always, "unknown devices"
`,
    'rules/membership.csv': `g, infusion-pump, medical-device
g, pump-open, infusion-pump
`,
    'catalog/classes.yaml': `medical-device: { description: any medical device, criticality: high, owner: biomed }
infusion-pump: { description: infusion pump, criticality: life-critical, owner: biomed, dynamicAuthorization: [coa, disconnect] }
pump-open: { description: a pump for which the glass was broken, criticality: life-critical, owner: biomed, dynamicAuthorization: [coa, disconnect] }
quarantined: { description: role in quarantine, criticality: standard, owner: security }
`,
    'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, "fd00::/8"], owner: network, description: our addresses }
drug-library: { addresses: [${servers.library.v4}, "${servers.library.v6}"], owner: pharmacy, description: drug library }
remediation: { addresses: [${servers.remediation.v4}, "${servers.remediation.v6}"], owner: security, description: remediation }
`,
    'catalog/applications.yaml': `https: { ports: [tcp/443], source: "RFC 9110" }
service-port: { ports: [tcp/${openPort}], source: vendor }
${services.map(({ name, protocol, port }) => `${name}: { ports: [${protocol}/${port}], source: vendor }\n`).join('')}`,
    'catalog/segments.yaml': ['pumps', 'quarantine']
      .map((name) => {
        const [vlan, net] = name === 'pumps' ? [vlans.pumps, 21] : [vlans.quarantine, 66];
        const at = sites.map((site) => {
          const { third, group } = places[site];
          return `${site}: { vlan: ${vlan}, prefixes: [10.${net}.${third}.0/20, "fd${net}${group}::/64"] }`;
        });
        const of = name === 'pumps' ? 'dedicatedTo: infusion-pump' : 'role: quarantined';
        return `${name}: { description: ${name}, ${of}, sites: { ${at.join(', ')} } }\n`;
      })
      .join(''),
    'catalog/sites.yaml': sites.map((site) => `${site}: { description: ${site}, timezone: Europe/Berlin }\n`).join(''),
    'network/nas.yaml': nasPlans
      .map(
        ({ name, site, address }) =>
          `${name}: { address: ${address}, site: ${site}, profile: rfc, secret: "env:CHAOS_SECRET", coaPort: ${coaPort}, sessionTimeout: 3600 }\n`,
      )
      .join(''),
    'network/enforcement-points.yaml': `fw: { driver: nftables, site: main, transport: { kind: ssh, host: ${points.ssh.host}, port: 22, user: root, identity: "file:${points.ssh.identity}", hostKey: "${points.ssh.hostKey}" } }
sw: { driver: openvswitch, site: branch, options: { bridge: br0, ports: none }, transport: { kind: ovsdb, ovsdb: "${points.openvswitch.ovsdb}", openflow: "${points.openvswitch.openflow}" } }
`,
    'network/rollout.yaml': (isStaged ? stages : '') + rollout,
    'tests/flows.yaml': `tests:
  - { name: pumps reach the library, from: infusion-pump, to: drug-library, app: https, expect: allow }
invariants:
  - { name: pumps never reach the internet, never: { from: infusion-pump, to: internet, app: any } }
`,
  };
}

/** A commit that must be refused: the controller goes on with what it has. */
export const badFiles = {
  'rules/flows-bad.csv': 'p, infusion-pump, internet, no-such-application, allow, always, "x"\n',
};

/** Compiled here, apart from the controller. */
export function compile(version: PolicyVersion, points: PointPlans): Snapshot {
  const built = buildSnapshot(new Map(Object.entries(policyFiles(version, points))), new Date(), checkPoint);
  if (!built.ok) throw new Error(built.diagnostics.map(({ summary, hint }) => `${summary}: ${hint}`).join('\n'));
  return built.value;
}
