import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { devicePlans, type DevicePlan } from './plan.ts';
import { gatewayOf, lengthOf } from './topology.ts';
import { run, waitFor, type Daemon, type Daemons } from './process.ts';
import type { LabSegment } from './policy.ts';

const peer = ['/usr/bin/python3', '-B', join(import.meta.dirname, 'hosts', 'peer.py')];

export interface Probe {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly to: string;
  readonly port: number;
  readonly from?: string;
}

/** `refused`: the packets arrived and were answered, only nobody listens. */
export type Outcome = 'open' | 'refused' | 'blocked';

/** Tries all of them at once from a namespace. Blocked ones take the whole second and a half: longer than a SYN's first retransmission. */
export async function probe(namespace: string, probes: readonly Probe[], seconds = 1.5): Promise<Outcome[]> {
  const answer = await run([...peer, 'probe', String(seconds)], { namespace, input: JSON.stringify(probes) });
  return JSON.parse(answer) as Outcome[];
}

export async function ping(namespace: string, to: string): Promise<boolean> {
  return (await probe(namespace, [{ protocol: 'icmp', to, port: 0 }]))[0] === 'open';
}

/** Echo servers on every address of the namespace. */
export async function serve(
  daemons: Daemons,
  namespace: string,
  ports: { tcp: number[]; udp: number[] },
): Promise<Daemon> {
  const daemon = daemons.start(`servers-${namespace}`, [...peer, 'serve', JSON.stringify(ports)], { namespace });
  await daemon.saying('ready');
  return daemon;
}

/** Datagrams that arrived at a namespace's servers from this address at this port, as times in milliseconds since the epoch. */
export function arrivals(daemons: Daemons, namespace: string, from: string, port: number): number[] {
  return daemons.log(`servers-${namespace}`).flatMap((line) => {
    if (!line.includes(`"${from}"`)) return [];
    const { at, protocol, ...seen } = JSON.parse(line) as { at: number; protocol: string; peer: string; port: number };
    return protocol === 'udp' && seen.peer === from && seen.port === port ? [Math.round(at * 1000)] : [];
  });
}

/** A TCP connection that sends and receives all the time. */
export class Stream {
  private readonly daemon: Daemon;

  private constructor(daemon: Daemon) {
    this.daemon = daemon;
  }

  static async open(daemons: Daemons, name: string, namespace: string, to: string, port: number): Promise<Stream> {
    const stream = new Stream(daemons.start(name, [...peer, 'stream', to, String(port)], { namespace }));
    await waitFor(`stream ${name} to flow`, 20_000, () => stream.echoes().length > 3);
    return stream;
  }

  /** The same by UDP: a datagram each 10 ms, whether or not any is answered. */
  static knock(daemons: Daemons, name: string, namespace: string, to: string, port: number): Stream {
    return new Stream(daemons.start(name, [...peer, 'knock', to, String(port)], { namespace }));
  }

  /** When each answer came, in milliseconds since the epoch. */
  echoes(): number[] {
    const lines = this.daemon.log().split('\n');
    return lines
      .filter((line) => line.startsWith('echo '))
      .map((line) => Math.round(Number(line.split(' ')[1]) * 1000));
  }

  /** The longest silence between two answers since `from`, up to now. */
  longestGap(from: number): number {
    const times = [from, ...this.echoes().filter((at) => at > from), Date.now()];
    return Math.round(Math.max(...times.slice(1).map((at, i) => at - times[i]!)));
  }

  get isOpen(): boolean {
    return this.daemon.isRunning;
  }

  /** Waits until nothing has come for `quiet` milliseconds; when the last answer came. */
  async silent(quiet: number, milliseconds: number): Promise<number> {
    return waitFor('the stream to fall silent', milliseconds, () => {
      const last = this.echoes().at(-1) ?? 0;
      return Date.now() - last > quiet ? last : undefined;
    });
  }

  async close(): Promise<void> {
    await this.daemon.stop('SIGKILL');
  }
}

/** A medical device: it is plugged in, asks for addresses, and knows nothing of Cordon. */
export class Device {
  readonly plan: DevicePlan;
  private readonly folder: string;
  private readonly daemons: Daemons;
  private supplicant: Daemon | undefined;
  private credentials: string = strangersCredentials;

  constructor(plan: DevicePlan, folder: string, daemons: Daemons) {
    this.plan = plan;
    this.folder = folder;
    this.daemons = daemons;
  }

  get name(): string {
    return this.plan.name;
  }

  start(): void {
    const script = join(import.meta.dirname, 'hosts', 'udhcpc.sh');
    const program = join(import.meta.dirname, 'hosts', 'device.py');
    const command = ['/usr/bin/python3', '-B', program, script, this.plan.vendor];
    this.daemons.start(`device-${this.name}`, command, { namespace: this.name });
  }

  async plug(): Promise<void> {
    await run(['ip', 'link', 'set', 'eth0', 'up'], { namespace: this.name });
    if (this.plan.dot1x && !this.supplicant?.isRunning) this.startSupplicant();
  }

  private startSupplicant(): void {
    const configuration = join(this.folder, `wpa-${this.name}.conf`);
    writeFileSync(configuration, networkOf(this.credentials));
    const command = ['wpa_supplicant', '-D', 'wired', '-i', 'eth0', '-c', configuration];
    this.supplicant = this.daemons.start(`wpa-${this.name}`, command, { namespace: this.name });
  }

  /** Gives its supplicant what the device proves itself by; null: what nobody knows. Plugged out meanwhile. */
  async credential(credential: DeviceCertificate | DevicePassword | null): Promise<void> {
    await this.unplug();
    await this.supplicant?.stop('SIGTERM');
    // A short break it would not notice, and would keep its addresses in whatever network comes next.
    await waitFor(`${this.name} to have no addresses`, 10_000, async () => {
      const { v4, v6 } = await this.addresses();
      return v4 === undefined && v6 === undefined;
    });
    this.credentials = credential ? credentialLines(credential) : strangersCredentials;
  }

  async unplug(): Promise<void> {
    await run(['ip', 'link', 'set', 'eth0', 'down'], { namespace: this.name });
  }

  async addresses(): Promise<{ v4: string | undefined; v6: string | undefined }> {
    const text = await run(['ip', '-j', 'addr', 'show', 'dev', 'eth0', 'scope', 'global'], { namespace: this.name });
    const [link] = JSON.parse(text) as { addr_info?: { family?: string; local?: string }[] }[];
    const of = (family: string): string | undefined => link?.addr_info?.find((a) => a.family === family)?.local;
    return { v4: of('inet'), v6: of('inet6') };
  }

  /** Both addresses, as soon as they are those of this segment. */
  async addressesIn(segment: LabSegment, milliseconds = 30_000): Promise<{ v4: string; v6: string }> {
    return waitFor(`${this.name} to have addresses in ${segment.name}`, milliseconds, async () => {
      const { v4, v6 } = await this.addresses();
      const [network] = segment.v6.split('::');
      const isHere = v4 !== undefined && isInside(v4, segment.v4) && v6?.startsWith(`${network}:`);
      return isHere ? { v4, v6: v6! } : undefined;
    });
  }
}

const toNumber = (address: string): number => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

function isInside(address: string, prefix: string): boolean {
  const size = 2 ** (32 - Number(lengthOf(prefix)));
  return Math.floor(toNumber(address) / size) === Math.floor(toNumber(prefix.split('/')[0]!) / size);
}

export interface DeviceCertificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface DevicePassword {
  readonly method: 'PEAP' | 'TTLS';
  readonly inner: 'MSCHAPV2' | 'PAP';
  readonly username: string;
  readonly password: string;
  /** Path of a PEM file. */
  readonly authority: string;
}

/** Nobody knows them: 802.1X fails, and the switch falls back to MAC authentication. */
const strangersCredentials = `eap=PEAP
  identity="monitor@devices.hospital.example"
  password="not-a-secret"
  phase2="auth=MSCHAPV2"`;

const certificateCredentials = ({ certificate, key, authority }: DeviceCertificate): string => `eap=TLS
  identity="anonymous@devices.hospital.example"
  ca_cert="${authority}"
  client_cert="${certificate}"
  private_key="${key}"
  phase1="tls_disable_tlsv1_3=0"`;

const passwordCredentials = ({ method, inner, username, password, authority }: DevicePassword): string => `eap=${method}
  identity="${username}"
  anonymous_identity="anonymous@devices.hospital.example"
  password="${password}"
  ca_cert="${authority}"
  phase2="auth=${inner}"`;

const credentialLines = (credential: DeviceCertificate | DevicePassword): string =>
  'method' in credential ? passwordCredentials(credential) : certificateCredentials(credential);

const networkOf = (credentials: string): string => `ap_scan=0
eapol_version=2
network={
  key_mgmt=IEEE8021X
  ${credentials}
  eapol_flags=0
}
`;

export const devicesOf = (folder: string, daemons: Daemons): Device[] =>
  devicePlans.map((plan) => new Device(plan, folder, daemons));

const leaseRange = ({ v4 }: LabSegment): string => {
  const host = (last: number): string => gatewayOf(v4).replace(/\d+$/, String(last));
  return `dhcp-range=${host(100)},${host(250)},10m`;
};

/** DHCP and router advertisements in every VLAN, on the firewall as on most small sites. */
export async function startAddressing(
  folder: string,
  daemons: Daemons,
  segments: readonly LabSegment[],
): Promise<void> {
  const lines = [
    'port=0',
    'bind-dynamic',
    'no-ping',
    'dhcp-authoritative',
    'log-dhcp',
    'enable-ra',
    'user=root',
    'log-facility=-',
    'keep-in-foreground',
    `pid-file=${folder}/dnsmasq.pid`,
    `dhcp-leasefile=${folder}/leases`,
    ...segments.flatMap((segment) => [
      `interface=v${segment.vlan}`,
      leaseRange(segment),
      `dhcp-range=::,constructor:v${segment.vlan},ra-only,64,10m`,
    ]),
  ];
  const path = join(folder, 'dnsmasq.conf');
  writeFileSync(path, `${lines.join('\n')}\n`);
  await daemons.start('dnsmasq', ['dnsmasq', '-C', path], { namespace: 'fw' }).saying('DHCP, IP range');
}
