import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { driverNamed } from '#drivers';
import { stateOf, type Membership, type Workload } from '#model';
import { addressSet, parseRange } from '#net';
import { decodeSnapshot, enforcementRules } from '#policy';
import { PointReconciler } from '#reconcile';
import { parse, stringify } from 'yaml';
import { probe, serve, type Outcome, type Probe } from '../hosts.ts';
import { ApiServer, missingBinaries } from '../kubernetes/apiserver.ts';
import { nodeRules, type NetworkPolicy, type Pod } from '../kubernetes/network-plugin.ts';
import type { Lab } from '../lab.ts';
import { OpenVswitch } from '../openvswitch.ts';
import { PointNetwork } from '../point-network.ts';
import { site } from '../policy.ts';
import { run, waitFor } from '../process.ts';
import { admit, runCordon, underPolicy, type Addresses } from './steps.ts';

const pointsFile = 'network/enforcement-points.yaml';
const families = ['v4', 'v6'] as const;
const clinical = 'clinical';
/** Endpoints that are services of the cluster. */
const services = ['drug-library-1', 'pump-gateway', 'central-station-server', 'pacs-archive-1'];
/** Names of the flows → class as which policy knows the device there. */
const devices = { pump: 'infusion-pump-limited', monitor: 'patient-monitor' } as const;

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly app: string;
  readonly protocol: Probe['protocol'];
  readonly port: number;
}

const flow = (from: string, to: string, app: string, service: string): Flow => {
  const [protocol = '', port = '0'] = service.split('/');
  return { from, to, app, protocol: protocol as Probe['protocol'], port: Number(port) };
};

const flows: readonly Flow[] = [
  flow('pump', 'drug-library-1', 'https', 'tcp/443'),
  flow('pump', 'drug-library-1', 'ssh', 'tcp/22'),
  flow('pump', 'pump-gateway', 'https', 'tcp/443'),
  flow('pump-gateway', 'pump', 'pump-comms', 'tcp/3613'),
  flow('drug-library-1', 'pump', 'pump-comms', 'tcp/3613'),
  flow('pump', 'pacs-archive-1', 'dicom', 'tcp/104'),
  flow('pump', 'central-station-server', 'monitor-stream', 'udp/5100'),
  flow('monitor', 'central-station-server', 'monitor-stream', 'udp/5100'),
  flow('monitor', 'drug-library-1', 'https', 'tcp/443'),
  flow('central-station-server', 'monitor', 'intellivue-export', 'udp/24105'),
  flow('central-station-server', 'pump', 'intellivue-export', 'udp/24105'),
  flow('pump', 'ntp-1', 'ntp', 'udp/123'),
  flow('network-management', 'pump', 'ping', 'icmp'),
  flow('pump', 'network-management', 'ping', 'icmp'),
];

/** A point, and what of the flows it has a say in. */
interface Point {
  readonly name: string;
  readonly network: PointNetwork;
  readonly judges: (flow: Flow) => boolean;
}

/**
 * The controller brings one policy to a firewall and to a switch. The catalog can't say yet which endpoints are services of a cluster, so for the
 * cluster this scene hands the same rules and members to the same driver and reconciler. The API server is real; there is no node and no network plugin
 * behind it: `network-plugin.ts` does what one does, with what it reads from the API server, and knows nothing of Cordon.
 */
export async function showThreePoints(lab: Lab): Promise<void> {
  const { report } = lab;
  report.scene('scene 10: one policy, three kinds of enforcement point: the same packets pass');
  const missing = missingBinaries();
  if (missing.length > 0) {
    const what = `${missing.join(' and ')} missing: test/lab/kubernetes/build.sh builds them`;
    if (process.env['CI']) report.check('there is a Kubernetes API server', false, what);
    else report.note(`without Kubernetes: ${what}`);
  }
  await runCordon(lab);
  const [pump, monitor] = await Promise.all([
    admit(lab, 'd1', 'pumps-limited', 'infusion-pump'),
    admit(lab, 'd3', 'monitors', 'patient-monitor'),
  ]);
  const addresses: Record<string, Addresses> = { pump, monitor };
  for (const { from, to } of flows) for (const end of [from, to]) addresses[end] ??= lab.policy.endpoint(end);
  const all = (names: readonly string[]): string[] =>
    names.flatMap((name) => [addresses[name]!.v4, addresses[name]!.v6]);
  const hosts = {
    devices: all(Object.keys(devices)),
    servers: all(Object.keys(addresses).filter((name) => !(name in devices))),
  };
  const points: Point[] = [
    { name: 'nftables', network: await PointNetwork.routed('nft', hosts), judges: () => true },
    { name: 'openvswitch', network: await PointNetwork.switched('ovs', hosts), judges: () => true },
  ];
  if (missing.length === 0)
    points.push({ name: 'kubernetes', network: await PointNetwork.routed('kube', hosts), judges: concernsService });
  const bridge = await OpenVswitch.start(lab.daemons, join(lab.folder, 'ovs'), 'ovs-gw');
  await bridge.control('add-br br0 -- set bridge br0 datapath_type=netdev'.split(' '));
  await bridge.control('add-port br0 devices -- add-port br0 servers'.split(' '));
  for (const { network } of points)
    for (const name of [network.devices, network.servers]) await serve(lab.daemons, name, lab.policy.ports());

  const before = await Promise.all(points.map(({ network }) => tryAll(network, addresses)));
  report.check(
    'with nothing enforced everything passes at each',
    before.every((outcomes) => outcomes.every((outcome) => outcome === 'open')),
    `${before.flat().length} packets`,
  );
  const kept = parse(lab.policy.read(pointsFile)) as object;
  const more = {
    'three-nft': { driver: 'nftables', site, transport: { kind: 'netns', namespace: 'nft-gw' } },
    'three-ovs': {
      driver: 'openvswitch',
      site,
      options: { bridge: 'br0', ports: 'none' },
      transport: { kind: 'ovsdb', ovsdb: bridge.database, openflow: bridge.openflow('br0') },
    },
  };
  const server = new ApiServer();
  try {
    await underPolicy(lab, 'two points more', { [pointsFile]: stringify({ ...kept, ...more }) }, async () => {
      for (const name of Object.keys(more))
        await waitFor(`${name} to be in sync`, 20_000, async () => {
          const point = await lab.cordon.point(name);
          return point?.state === 'in-sync' && point.members >= hosts.devices.length;
        });
      if (missing.length === 0) await enforceInCluster(lab, server, addresses);
      await compare(lab, points, addresses);
    });
  } finally {
    await server.dispose();
  }
}

const concernsService = ({ from, to }: Flow): boolean => services.includes(from) || services.includes(to);

/** In the order of the flows, IPv4 and IPv6 of each. */
async function tryAll(network: PointNetwork, addresses: Readonly<Record<string, Addresses>>): Promise<Outcome[]> {
  const tried = flows.flatMap((each) => families.map((family) => ({ ...each, family })));
  const from = async (namespace: string, isHere: (flow: Flow) => boolean): Promise<Map<object, Outcome>> => {
    const here = tried.filter(isHere);
    const probes = here.map(({ from: source, to, protocol, port, family }) => ({
      protocol,
      port,
      from: addresses[source]![family],
      to: addresses[to]![family],
    }));
    const outcomes = await probe(namespace, probes);
    return new Map(here.map((each, i) => [each, outcomes[i]!]));
  };
  const [ofDevices, ofServers] = await Promise.all([
    from(network.devices, (each) => each.from in devices),
    from(network.servers, (each) => !(each.from in devices)),
  ]);
  return tried.map((each) => (ofDevices.get(each) ?? ofServers.get(each))!);
}

/** Objects of the real API server, made by the driver; what stands there in the end is read back and carried out on the node. */
async function enforceInCluster(
  lab: Lab,
  server: ApiServer,
  addresses: Readonly<Record<string, Addresses>>,
): Promise<void> {
  await server.start();
  await server.must('POST', '/api/v1/namespaces', { metadata: { name: clinical } });
  for (const name of services)
    await server.must('POST', `/api/v1/namespaces/${clinical}/services`, {
      metadata: { name },
      spec: { clusterIP: 'None', selector: { app: name }, ports: [{ port: 443 }] },
    });
  const snapshotFile = join(lab.folder, 'snapshot.json');
  await lab.cordon.command('compile', lab.policy.folder, '--out', snapshotFile);
  const decoded = decodeSnapshot(JSON.parse(readFileSync(snapshotFile, 'utf8')));
  const workloads = services.map((endpoint): Workload => {
    const known = families.flatMap((family) => parseRange(addresses[endpoint]![family]) ?? []);
    return { endpoint, namespace: clinical, service: endpoint, addresses: addressSet(known) };
  });
  const membership: Membership = new Map(
    Object.entries(devices).map(([name, role]) => [role, new Set(Object.values(addresses[name]!) as string[])]),
  );
  const driver = driverNamed('kubernetes', { namespaces: clinical, portRanges: 'no' })!;
  const session = driver.connect({ kind: 'kubernetes', kubeconfig: server.kubeconfig('admin-token'), context: null });
  const rules = { ...enforcementRules(decoded, site), workloads };
  const outcome = await new PointReconciler(driver, session).run(stateOf(rules, membership));
  await session.close();
  lab.report.check(
    'the cluster takes the policy',
    outcome.kind === 'applied',
    outcome.diagnostics.map((d) => d.summary).join('; '),
  );
  const answer = await server.must('GET', `/apis/networking.k8s.io/v1/namespaces/${clinical}/networkpolicies`);
  const items = answer['items'] as NetworkPolicy[];
  const pods = services.map((app): Pod => ({ labels: { app }, addresses: Object.values(addresses[app]!) as string[] }));
  const text = nodeRules(items, pods);
  const file = join(lab.folder, 'network-plugin.nft');
  writeFileSync(file, text);
  await run(['nft', '-f', file], { namespace: 'kube-gw' });
  lab.report.note(
    `${items.length} NetworkPolicies read back from the API server, carried out by ${text.split('\n').length} lines of nftables`,
  );
}

async function compare(
  lab: Lab,
  points: readonly Point[],
  addresses: Readonly<Record<string, Addresses>>,
): Promise<void> {
  const { report } = lab;
  const columns = await Promise.all(points.map(({ network }) => tryAll(network, addresses)));
  const verdicts = await Promise.all(flows.map((each) => explained(lab, each)));
  const wrong: string[] = [];
  const counts = { open: 0, blocked: 0 };
  report.note(['flow'.padEnd(64), 'policy', ...points.map(({ name }) => name)].join('  '));
  for (const [i, each] of flows.entries()) {
    const verdict = verdicts[i]!;
    const expected: Outcome = verdict === 'allow' ? 'open' : 'blocked';
    const cells = points.map(({ name, judges }, p) => {
      const seen = families.map((_, f) => columns[p]![i * families.length + f]!);
      if (!judges(each)) {
        if (seen.some((outcome) => outcome !== 'open'))
          wrong.push(`${name} stops what is not its own: ${describe(each)}`);
        return '(open)';
      }
      if (seen.some((outcome) => outcome !== expected))
        wrong.push(`${name}: ${describe(each)} is ${seen.join(' and ')}`);
      counts[expected] += seen.length;
      return seen[0] === seen[1] ? seen[0]! : `${seen[0]}/${seen[1]}`;
    });
    report.note(
      [
        describe(each).padEnd(64),
        verdict.padEnd(6),
        ...cells.map((cell, p) => cell.padEnd(points[p]!.name.length)),
      ].join('  '),
    );
  }
  report.check(
    `real packets at ${points.length} kinds of point agree with each other and with \`cordon explain\``,
    wrong.length === 0,
    wrong.length === 0 ? `${counts.open} pass, ${counts.blocked} don't` : wrong.join('; '),
  );
  report.check(
    'both kinds of packet are among them at every point',
    points.every((_, p) => hasBoth(columns[p]!)),
  );
}

const hasBoth = (outcomes: readonly Outcome[]): boolean => outcomes.includes('open') && outcomes.includes('blocked');

const describe = ({ from, to, app, protocol, port }: Flow): string =>
  `${from} → ${to}, ${app} (${protocol}${port > 0 ? `/${port}` : ''})`;

const principal = (end: string): string => (end in devices ? devices[end as keyof typeof devices] : end);

async function explained(lab: Lab, { from, to, app }: Flow): Promise<string> {
  const words = ['--from', principal(from), '--to', principal(to), '--app', app];
  const { out } = await lab.cordon.command('explain', '--policy', lab.policy.folder, ...words, '--json');
  return (JSON.parse(out) as { verdict: string }).verdict;
}
