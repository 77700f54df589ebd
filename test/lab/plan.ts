/*
 * Who is who in the lab. VLANs, prefixes and server addresses come from the policy; the rest is fixed here.
 *
 *   namespace                                      what runs there
 *   (the sandbox's own)  mgmt0 10.99.0.1           Cordon's bridge and controller, this program
 *   sw                   mgmt0 10.99.0.2, .3       Open vSwitch, hostapd, one agent per NAS
 *   d1 … d4              eth0                      a device each
 *   fw                   v<vlan>, srv0             nftables (written by Cordon alone), dnsmasq
 *   srv                  eth0 + server addresses   the hospital's servers and an internet
 */
export const serverAddress = '10.99.0.1';
export const coaPort = 3799;
export const authenticationPort = 1812;
export const accountingPort = 1813;

export interface NasPlan {
  readonly name: string;
  readonly address: string;
  readonly dialect: 'cisco' | 'rfc';
  /** Name of the NAS profile of Cordon. */
  readonly profile: string;
  readonly secret: string;
  /** Environment variable that the policy refers to. */
  readonly secretVariable: string;
  readonly aclEntries: number;
  /** Where hostapd sends to; the agent relays. */
  readonly relayPort: number;
  readonly ports: readonly string[];
}

export const nasPlans: readonly NasPlan[] = [
  {
    name: 'lab-sw1',
    address: '10.99.0.2',
    dialect: 'cisco',
    profile: 'cisco-ios-xe',
    secret: 'correct-horse-battery-1',
    secretVariable: 'CORDON_LAB_SECRET_1',
    aclEntries: 128,
    relayPort: 21812,
    ports: ['p1', 'p4'],
  },
  {
    name: 'lab-sw2',
    address: '10.99.0.3',
    dialect: 'rfc',
    profile: 'rfc',
    secret: 'correct-horse-battery-2',
    secretVariable: 'CORDON_LAB_SECRET_2',
    aclEntries: 128,
    relayPort: 22812,
    ports: ['p2', 'p3'],
  },
];

export const nasSecrets: Readonly<Record<string, string>> = Object.fromEntries(
  nasPlans.map((nas) => [nas.secretVariable, nas.secret]),
);

export interface DevicePlan {
  readonly name: string;
  readonly port: string;
  readonly mac: string;
  /** Runs wpa_supplicant; its port tries 802.1X before MAC authentication. */
  readonly dot1x: boolean;
  readonly vendor: string;
}

export const devicePlans: readonly DevicePlan[] = [
  { name: 'd1', port: 'p1', mac: '00:1b:bb:00:01:01', dot1x: false, vendor: 'InfusionPump-8015' },
  { name: 'd2', port: 'p2', mac: '00:1b:bb:00:01:02', dot1x: false, vendor: 'InfusionPump-8015' },
  { name: 'd3', port: 'p3', mac: '00:1b:bb:00:01:03', dot1x: false, vendor: 'PatientMonitor-3' },
  { name: 'd4', port: 'p4', mac: '00:1b:bb:00:01:04', dot1x: true, vendor: 'PatientMonitor-3' },
];

/** Number of a port in Open vSwitch: p1 is 1. */
export const openFlowPort = (port: string): number => Number(port.slice(1));

/** An address that no endpoint of the policy holds: "the internet". */
export const internet = { v4: '198.51.100.10', v6: '2001:db8:ffff::10' };

/** The server network behind the firewall. */
export const transit = { fw: { v4: '10.254.0.1', v6: 'fd00:fe::1' }, srv: { v4: '10.254.0.2', v6: 'fd00:fe::2' } };

/** NFLOG group to which Cordon's firewall rules log what they drop. */
export const firewallLogGroup = 5;
