import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Every program that the lab runs → the Debian package that has it. */
const packages: Readonly<Record<string, string>> = {
  '/usr/bin/python3': 'python3-minimal',
  conntrack: 'conntrack',
  dnsmasq: 'dnsmasq-base',
  ethtool: 'ethtool',
  freeradius: 'freeradius',
  git: 'git',
  hostapd: 'hostapd',
  ip: 'iproute2',
  nft: 'nftables',
  nsenter: 'util-linux',
  openssl: 'openssl',
  'ovs-ofctl': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  '/usr/sbin/sshd': 'openssh-server',
  ping: 'iputils-ping',
  ssh: 'openssh-client',
  radclient: 'freeradius-utils',
  tcpdump: 'tcpdump',
  udhcpc: 'udhcpc',
  unshare: 'util-linux',
  wpa_supplicant: 'wpasupplicant',
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Programs that this machine lacks, as `name (Debian package …)`. */
export function missingTools(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return Object.entries(packages)
    .filter(([tool]) => !(tool.startsWith('/') ? isExecutable(tool) : folders.some((f) => isExecutable(join(f, tool)))))
    .map(([tool, name]) => `${tool} (Debian package ${name})`);
}
