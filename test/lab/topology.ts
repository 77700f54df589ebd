import { run } from './process.ts';
import { devicePlans, internet, nasPlans, serverAddress, transit } from './plan.ts';
import type { LabSegment } from './policy.ts';

/** First host of a prefix: `10.21.0.0/20` → `10.21.0.1`, `fd21::/64` → `fd21::1`. */
export function gatewayOf(prefix: string): string {
  const [address = ''] = prefix.split('/');
  return address.includes(':') ? `${address}1` : address.replace(/\d+$/, (last) => String(Number(last) + 1));
}

export const lengthOf = (prefix: string): string => prefix.split('/')[1] ?? '';

/** A cable between two namespaces. */
export const link = (a: string, aName: string, b: string, bName: string): string[] => [
  `link add ${aName} netns ${a} type veth peer name ${bName} netns ${b}`,
];

/** Namespaces, cables and addresses. All of it lives in the sandbox and vanishes with it. */
export async function buildTopology(segments: readonly LabSegment[], servers: readonly string[]): Promise<void> {
  const devices = devicePlans.map((device) => device.name);
  const namespaces = [...devices, 'sw', 'fw', 'srv'];
  await ip(
    null,
    namespaces.map((name) => `netns add ${name}`),
  );
  await ip(null, [
    'link set lo up',
    ...devicePlans.flatMap((device) => link(device.name, 'eth0', 'sw', device.port)),
    ...segments.flatMap(({ vlan }) => link('fw', `v${vlan}`, 'sw', `u${vlan}`)),
    ...link('fw', 'srv0', 'srv', 'eth0'),
    'link add mgmt0 type veth peer name mgmt0 netns sw',
    `addr add ${serverAddress}/24 dev mgmt0`,
    'link set mgmt0 up',
  ]);
  await Promise.all([
    buildSwitch(segments),
    buildFirewall(segments),
    buildServers(servers),
    ...devicePlans.map(({ name, mac }) => ip(name, ['link set lo up', `link set eth0 address ${mac}`])),
  ]);
  // Open vSwitch's userspace datapath forwards frames as they are: checksums must be complete before they reach it.
  await Promise.all([
    ...devices.map((name) => run(['ethtool', '-K', 'eth0', 'tx', 'off'], { namespace: name })),
    ...segments.map(({ vlan }) => run(['ethtool', '-K', `v${vlan}`, 'tx', 'off'], { namespace: 'fw' })),
  ]);
}

/** Runs lines of `ip -batch`, in a namespace or, with null, in the sandbox's own. */
export async function ip(namespace: string | null, lines: readonly string[]): Promise<void> {
  await run(['ip', ...(namespace === null ? [] : ['-n', namespace]), '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
  });
}

async function buildSwitch(segments: readonly LabSegment[]): Promise<void> {
  await sysctl('sw', { 'net.ipv6.conf.all.disable_ipv6': 1 });
  await ip('sw', [
    'link set lo up',
    'link set mgmt0 up',
    ...nasPlans.map((nas) => `addr add ${nas.address}/24 dev mgmt0`),
    ...devicePlans.map((device) => `link set ${device.port} up`),
    ...segments.map(({ vlan }) => `link set u${vlan} up`),
  ]);
}

async function buildFirewall(segments: readonly LabSegment[]): Promise<void> {
  await sysctl('fw', {
    'net.ipv4.ip_forward': 1,
    'net.ipv6.conf.all.forwarding': 1,
    'net.netfilter.nf_conntrack_acct': 1,
  });
  await ip('fw', [
    'link set lo up',
    ...segments.flatMap(({ vlan, v4, v6 }) => [
      `link set v${vlan} up`,
      `addr add ${gatewayOf(v4)}/${lengthOf(v4)} dev v${vlan}`,
      `addr add ${gatewayOf(v6)}/${lengthOf(v6)} dev v${vlan} nodad`,
    ]),
    'link set srv0 up',
    `addr add ${transit.fw.v4}/30 dev srv0`,
    `addr add ${transit.fw.v6}/64 dev srv0 nodad`,
    `route add default via ${transit.srv.v4}`,
    `route add default via ${transit.srv.v6}`,
  ]);
}

async function buildServers(servers: readonly string[]): Promise<void> {
  await ip('srv', [
    'link set lo up',
    'link set eth0 up',
    `addr add ${transit.srv.v4}/30 dev eth0`,
    `addr add ${transit.srv.v6}/64 dev eth0 nodad`,
    `route add default via ${transit.fw.v4}`,
    `route add default via ${transit.fw.v6}`,
    ...[...servers, internet.v4, internet.v6].map(
      (a) => `addr add ${a}/${a.includes(':') ? '128 nodad' : '32'} dev lo`,
    ),
  ]);
}

export async function sysctl(namespace: string, values: Readonly<Record<string, number>>): Promise<void> {
  const settings = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  await run(['sysctl', '-q', '-w', ...settings], { namespace });
}
