import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { probe, serve, type Probe } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { authenticationPort, accountingPort, nasPlans, serverAddress } from '../plan.ts';
import { PointNetwork } from '../point-network.ts';
import { run, waitFor, type Daemon } from '../process.ts';
import { sysctl } from '../topology.ts';
import { runCordon, underPolicy, type Addresses } from './steps.ts';

/** Classes without another below them → the segment that they get by their MAC. Of each there are three devices. */
const wards: Readonly<Record<string, string>> = {
  'dialysis-machine': 'dialysis',
  glucometer: 'point-of-care',
  'ecg-cart': 'point-of-care',
  'telemetry-receiver': 'monitors',
  ventilator: 'life-support',
  'anaesthesia-machine': 'life-support',
  'heart-lung-machine': 'life-support',
  'infant-incubator': 'life-support',
  defibrillator: 'life-support',
};
const asked = ['dialysis-machine', 'glucometer', 'ecg-cart', 'telemetry-receiver', 'life-support'];
/** With all that is below it. */
const lifeSupport = new Set(Object.keys(wards).filter((name) => wards[name] === 'life-support'));
const devicesEach = 3;
const scanner = { class: 'glucometer', targets: 40, firstPort: 1500 } as const;
/** They want what is taken away, or speak of it. */
const testFiles = ['bedside', 'diagnostics', 'invariants'].map((name) => `tests/${name}.yaml`);
const families = ['v4', 'v6'] as const;

interface WardDevice extends Addresses {
  readonly mac: string;
  readonly class: string;
}

interface Rule {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
}

interface Learned {
  readonly commit: string;
  readonly unnamed: number;
  readonly lines: readonly (Rule & { readonly broader: readonly string[] })[];
  readonly leftOut: readonly { readonly kind: string; readonly source: string; readonly reason: string }[];
  readonly written: readonly string[];
}

/**
 * A hospital that enforces nothing yet: a gateway forwards all that there is, and records what passed. From that `cordon learn` proposes
 * the lines that the sample policy has, and none that allows more; a device that scans is named.
 */
export async function showLearnedFromSeen(lab: Lab): Promise<void> {
  const { report, policy, folder } = lab;
  report.scene('scene 16: rules are learned from what a gateway saw pass, and a scan is not');
  await runCordon(lab);
  const devices = wardDevices(lab);
  const rules = rulesAbout(lab);
  const [without, learnedFolder] = [join(folder, 'policy-without'), join(folder, 'learned-policy')];
  await underPolicy(lab, 'nothing is known of these classes', withoutRules(lab), async () => {
    for (const copy of [without, learnedFolder])
      cpSync(policy.folder, copy, { recursive: true, filter: (path) => !path.endsWith('/.git') });
    await plugIn(lab, devices);
    try {
      const recorded = await record(lab, devices, rules);
      await learnFrom(lab, recorded, devices, rules, learnedFolder);
    } finally {
      for (const device of devices) await account(lab, device, 'Stop');
    }
  });
  const closed = await differences(lab, policy.folder, without);
  report.check('without these lines some packets would not pass', (closed?.length ?? 0) > 0, `${closed?.length} flows`);
  const left = await differences(lab, policy.folder, learnedFolder);
  report.equal('with those that were learned, the same packets pass as before', JSON.stringify(left), '[]');
}

const isOurs = (name: string): boolean => name in wards || asked.includes(name);
const ruleText = ({ subject, object, application }: Rule): string => `${subject}, ${object}, ${application}`;

/** Fields of a line of rules that allows something at any time; null: it is none. */
function alwaysAllowed(line: string): Rule | null {
  const [kind, subject = '', object = '', application = '', effect, when] = line
    .split(',')
    .map((field) => field.trim());
  const isAbout = [subject, object].some(isOurs);
  return kind === 'p' && effect === 'allow' && when === 'always' && isAbout ? { subject, object, application } : null;
}

const ruleFiles = ['rules/flows-medical.csv', 'rules/flows-imaging.csv', 'rules/flows-lab.csv'];
const linesOf = (lab: Lab, file: string): string[] => lab.policy.read(file).split('\n');

const rulesAbout = (lab: Lab): Rule[] =>
  ruleFiles.flatMap((file) => linesOf(lab, file).flatMap((line) => alwaysAllowed(line) ?? []));

function withoutRules(lab: Lab): Record<string, string> {
  const rules = ruleFiles.map((file) => [
    file,
    linesOf(lab, file)
      .filter((line) => alwaysAllowed(line) === null)
      .join('\n'),
  ]);
  return Object.fromEntries([...rules, ...testFiles.map((file) => [file, ''])]) as Record<string, string>;
}

/** The last one scans. */
function wardDevices(lab: Lab): WardDevice[] {
  const classes = Object.keys(wards).flatMap((name) => Array.from({ length: devicesEach }, () => name));
  return [...classes, scanner.class].map((name, i) => {
    const { v4, v6 } = lab.policy.segment(wards[name]!);
    const [a = '', b = '', c = ''] = v4.split('.');
    const last = (i + 10).toString();
    return {
      class: name,
      mac: `00:1b:bb:16:00:${last}`,
      v4: `${a}.${b}.${Number(c) + 3}.${last}`,
      v6: `${v6.split('/')[0]!}16:${last}`,
    };
  });
}

// -- RADIUS, as the switch that they are plugged into would send it

async function plugIn(lab: Lab, devices: readonly WardDevice[]): Promise<void> {
  for (const device of devices) await lab.cordon.register(device.mac, device.class);
  for (const device of devices) await account(lab, device, 'Start', await admitted(lab, device));
  await waitFor('Cordon to know their addresses', 30_000, async () => {
    const { items } = await lab.cordon.ask<{ items: { addresses: string[] }[] }>(
      'GET',
      '/sessions?state=open&limit=200',
    );
    const known = new Set(items.flatMap(({ addresses }) => addresses));
    return devices.every(({ v4, v6 }) => known.has(v4) && known.has(v6));
  });
}

const [nas] = nasPlans;
const identityOf = ({ mac }: WardDevice): string[] => [
  `User-Name = "${mac.replaceAll(':', '')}"`,
  `Calling-Station-Id = "${mac.replaceAll(':', '-').toUpperCase()}"`,
  `NAS-IP-Address = ${nas!.address}`,
  `NAS-Port-Id = "ward-${mac.slice(-2)}"`,
  'NAS-Port-Type = Ethernet',
  `Acct-Session-Id = "ward-${mac.slice(-2)}"`,
];

async function radclient(port: number, kind: 'auth' | 'acct', attributes: readonly string[]): Promise<string> {
  const command = ['radclient', '-x', '-r', '3', '-t', '2', `${serverAddress}:${port}`, kind, nas!.secret];
  return run(command, { namespace: 'sw', input: `${attributes.join('\n')}\n` });
}

/** Its Class, once the bridge has heard who it is: it hears of a registration a moment later. */
function admitted(lab: Lab, device: WardDevice): Promise<string[]> {
  const { vlan } = lab.policy.segment(wards[device.class]!);
  return waitFor(`${device.mac} to be let into VLAN ${vlan}`, 10_000, async () => {
    const answer = await authenticate(device);
    return new RegExp(`^\\tTunnel-Private-Group-Id\\S* = "${vlan}"$`, 'm').test(answer) ? classesOf(answer) : null;
  });
}

/** What accounting has to repeat. */
const classesOf = (answer: string): string[] =>
  [...answer.matchAll(/^\tClass = (0x[0-9a-f]+)$/gm)].map(([, value]) => `Class = ${value}`);

async function authenticate(device: WardDevice): Promise<string> {
  const request = [
    ...identityOf(device),
    `User-Password = "${device.mac.replaceAll(':', '')}"`,
    'Service-Type = Call-Check',
    'Message-Authenticator = 0x00',
  ];
  return radclient(authenticationPort, 'auth', request);
}

async function account(
  lab: Lab,
  device: WardDevice,
  status: 'Start' | 'Stop',
  classes: readonly string[] = [],
): Promise<void> {
  await radclient(accountingPort, 'acct', [
    ...identityOf(device),
    `Acct-Status-Type = ${status}`,
    `Framed-IP-Address = ${device.v4}`,
    `Framed-IPv6-Address = ${device.v6}`,
    `Event-Timestamp = ${Math.floor(Date.now() / 1000)}`,
    ...classes,
  ]).catch((error: unknown) => lab.report.note(`accounting ${status} of ${device.mac}: ${String(error)}`));
}

// -- traffic

/** So that a connection is told of when it is over, and not minutes later. */
const patience = [
  'tcp_timeout_time_wait',
  'tcp_timeout_close',
  'udp_timeout',
  'udp_timeout_stream',
  'tcp_timeout_last_ack',
];
const openRules = `table inet watched {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state new accept
  }
}
`;

async function record(lab: Lab, devices: readonly WardDevice[], rules: readonly Rule[]): Promise<Daemon> {
  const { report, daemons, policy } = lab;
  const servers = policy.serverAddresses();
  const network = await PointNetwork.routed('ward', {
    devices: devices.flatMap(({ v4, v6 }) => [v4, v6]),
    servers,
  });
  const namespace = network.gateway;
  const seconds = Object.fromEntries(patience.map((name) => [`net.netfilter.nf_conntrack_${name}`, 1]));
  await sysctl(namespace, {
    'net.netfilter.nf_conntrack_acct': 1,
    'net.netfilter.nf_conntrack_timestamp': 1,
    ...seconds,
  });
  await run(['sh', '-c', 'cat | nft -f -'], { namespace, input: openRules });
  const command = ['stdbuf', '-oL', 'conntrack', '-E', '-e', 'DESTROY', '-o', 'timestamp,extended', '-b', '8388608'];
  const recorder = daemons.start('conntrack', command, { namespace });
  await Promise.all([network.devices, network.servers].map((name) => serve(daemons, name, policy.ports())));

  const openings = rules.flatMap((rule) => openingsOf(lab, devices.slice(0, -1), rule));
  for (const side of ['devices', 'servers'] as const) {
    const own = openings.flatMap((one) => (one.side === side ? [one.probe, one.probe] : []));
    const outcomes = await probe(network[side], own, 5);
    const wrong = outcomes.filter((outcome) => outcome !== 'open').length;
    report.check(
      `every connection that ${side} open goes through`,
      wrong === 0,
      `${own.length} tried, ${wrong} failed`,
    );
  }
  const scans = scanOf(lab, devices.at(-1)!, servers);
  const answers = await probe(network.devices, scans, 5);
  report.equal('and one device scans: nobody listens', answers.filter((one) => one === 'open').length, 0);

  const expected = 2 * openings.length + scans.length;
  const lines = (): number => recorder.log().split('\n').length - 1;
  await waitFor(`${expected} connections to be over`, 30_000, async () => {
    // The kernel clears up once a minute; who looks makes it do so now.
    await run(['conntrack', '-L'], { namespace, mayFail: true });
    return lines() >= expected;
  });
  await recorder.stop('SIGTERM');
  return recorder;
}

interface Opening {
  readonly side: 'devices' | 'servers';
  readonly probe: Probe;
}

/** All that a line allows: each device, each address of the servers, each port, both families. */
function openingsOf(lab: Lab, devices: readonly WardDevice[], { subject, object, application }: Rule): Opening[] {
  const below = (name: string): readonly WardDevice[] =>
    devices.filter((device) => device.class === name || (name === 'life-support' && lifeSupport.has(device.class)));
  const [from, to] = [below(subject), below(object)];
  const [sources, destinations] = [
    from.length > 0 ? from : serversOf(lab, subject),
    to.length > 0 ? to : serversOf(lab, object),
  ];
  const side = from.length > 0 ? 'devices' : 'servers';
  return sources.flatMap((source) =>
    destinations.flatMap((destination) =>
      families.flatMap((family) =>
        portsOf(lab, application).map(({ protocol, port }) => ({
          side,
          probe: { protocol, port, from: source[family], to: destination[family] },
        })),
      ),
    ),
  );
}

const membersOf = (lab: Lab, kind: 'g' | 'g2', group: string): string[] =>
  linesOf(lab, 'rules/membership.csv').flatMap((line) => {
    const [is, member, of] = line.split(',').map((field) => field.trim());
    return is === kind && of === group && member !== undefined ? [member] : [];
  });

function serversOf(lab: Lab, name: string): Addresses[] {
  const members = membersOf(lab, 'g', name);
  return members.length === 0 ? [lab.policy.endpoint(name)] : members.flatMap((member) => serversOf(lab, member));
}

function portsOf(lab: Lab, application: string): { readonly protocol: 'tcp' | 'udp'; readonly port: number }[] {
  const members = membersOf(lab, 'g2', application);
  if (members.length > 0) return members.flatMap((member) => portsOf(lab, member));
  const catalog = parse(lab.policy.read('catalog/applications.yaml')) as Record<string, { ports: string[] }>;
  return catalog[application]!.ports.map((text) => {
    const [protocol, port] = text.split('/');
    return { protocol: protocol as 'tcp' | 'udp', port: Number(port) };
  });
}

/** Half of it goes through addresses, half through the ports of one. */
function scanOf(lab: Lab, { v4 }: WardDevice, servers: readonly string[]): Probe[] {
  const targets = servers.filter((address) => address.startsWith('10.'));
  const victim = lab.policy.endpoint('ecg-management').v4;
  return Array.from({ length: scanner.targets }, (_, i) => {
    const isByAddress = i % 2 === 0;
    const to = isByAddress ? targets[(i / 2) % targets.length]! : victim;
    return { protocol: 'tcp', from: v4, to, port: scanner.firstPort + (isByAddress ? 0 : i) };
  });
}

// -- what is made of it

async function learnFrom(
  lab: Lab,
  recorder: Daemon,
  devices: readonly WardDevice[],
  rules: readonly Rule[],
  learnedFolder: string,
): Promise<void> {
  const { report, cordon, folder } = lab;
  const tokenOf = async (role: string): Promise<string> => {
    const { token } = await cordon.ask<{ token: string }>('POST', '/tokens', { name: `lab-${role}`, role });
    const file = join(folder, `${role}-token`);
    writeFileSync(file, token, { mode: 0o600 });
    return file;
  };
  const position = join(folder, 'conntrack-position');
  const gateway = ['--exporter', 'ward-gw', '--position', position, '--token-file', await tokenOf('collector')];
  const shipped = await cordon.command('ship-flows', '--file', recorder.logFile, ...gateway, '--once', '--json');
  const sent = shipped.code === 0 ? (JSON.parse(shipped.out) as { taken: number; malformed: number }) : null;
  report.check(
    '`ship-flows` brings what the gateway recorded to the controller',
    sent !== null && sent.taken > 0,
    shipped.err,
  );
  report.note(`${sent?.taken ?? 0} connections, ${sent?.malformed ?? 0} lines that are none`);

  const asking = ['--since', '1h', '--class', ...asked, '--token-file', await tokenOf('planner'), '--json'];
  const inForce = await cordon.command('learn', ...asking);
  const learned = JSON.parse(inForce.out || '{"lines":[],"leftOut":[]}') as Learned;
  report.check('`learn --since` proposes lines', inForce.code === 2, inForce.err);
  report.equal(
    'they are the lines that the sample policy has, and no others',
    learned.lines.map(ruleText).sort().join('; '),
    rules.map(ruleText).sort().join('; '),
  );
  const classes = new Set(learned.lines.flatMap(({ subject, object }) => [subject, object]).filter(isOurs));
  report.check('for at least three classes', classes.size >= 3, [...classes].sort().join(', '));
  report.equal(
    'none of them opens more than was seen',
    learned.lines.filter(({ broader }) => broader.length > 0).length,
    0,
  );
  const scans = learned.leftOut.filter(({ kind }) => kind === 'scan');
  report.equal('one scan is named', scans.length, 1);
  const { source = '', reason = '' } = scans[0] ?? {};
  report.check('with its device', source === `${scanner.class} ${devices.at(-1)!.v4}`, `${source}: ${reason}`);

  const kept = await cordon.command('learn', ...asking, '--out', learnedFolder);
  const { written } = JSON.parse(kept.out || '{"written":[]}') as Learned;
  report.check('they are written into a copy of the policy', written.length > 0, kept.err);
}

/** By the algebra of the planner, which compares all packets there are. */
async function differences(lab: Lab, from: string, to: string): Promise<readonly unknown[] | null> {
  const { out } = await lab.cordon.command('plan', '--from', from, '--to', to, '--json');
  return out === '' ? null : (JSON.parse(out) as { flows: readonly unknown[] }).flows;
}
