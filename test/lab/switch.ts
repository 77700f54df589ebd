import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { OpenVswitch } from './openvswitch.ts';
import { run, waitFor, type Daemons } from './process.ts';
import {
  accountingPort,
  authenticationPort,
  coaPort,
  devicePlans,
  nasPlans,
  openFlowPort,
  serverAddress,
  type NasPlan,
} from './plan.ts';
import type { LabSegment } from './policy.ts';

const namespace = 'sw';

/** What the agent says of a port (switch/port.py). */
export interface PortState {
  readonly authorized: boolean;
  readonly mac: string | null;
  readonly method: 'mab' | 'dot1x' | null;
  readonly vlan: number | null;
  /** Let in by the switch alone, while no RADIUS server answered. */
  readonly critical: boolean;
  readonly acl: readonly string[] | null;
  readonly acctSessionId: string | null;
  readonly addresses: readonly string[];
  readonly changes: Readonly<Record<'accept' | 'reject' | 'timeout' | 'coa' | 'disconnect', number>>;
}

export interface NasState {
  readonly ports: Readonly<Record<string, PortState>>;
  readonly dynamic: Readonly<Record<'coa' | 'disconnect' | 'duplicate' | 'dropped' | 'nak', number>>;
  readonly accounting: { readonly answered: number; readonly waiting: number; readonly retransmissions: number };
}

/** One line of the port's ACL in the data plane, as Open vSwitch counts it. */
export interface PortFlow {
  readonly match: string;
  readonly action: string;
  readonly packets: number;
}

/** The access switches: one Open vSwitch, hostapd on every port, and an agent per NAS. */
export class LabSwitch {
  private readonly folder: string;
  private readonly daemons: Daemons;
  private forwarding: OpenVswitch | null = null;

  constructor(folder: string, daemons: Daemons) {
    this.folder = join(folder, 'switch');
    this.daemons = daemons;
    mkdirSync(join(this.folder, 'hostapd'), { recursive: true });
  }

  private get bridge(): string {
    return this.forwarding!.openflow('br0');
  }

  async start(segments: readonly LabSegment[]): Promise<void> {
    await this.startForwarding(segments);
    const configurations = devicePlans.map(({ port }) => this.writeHostapd(port));
    this.daemons.start('hostapd', ['hostapd', ...configurations], { namespace });
    await waitFor('hostapd', 20_000, async () => {
      const answers = await Promise.all(devicePlans.map(async ({ port }) => this.hostapd(port)));
      return answers.every((answer) => answer.includes('PONG'));
    });
  }

  private async hostapd(port: string): Promise<string> {
    return run(['hostapd_cli', '-p', `${this.folder}/hostapd`, '-i', port, 'ping'], { mayFail: true });
  }

  private async startForwarding(segments: readonly LabSegment[]): Promise<void> {
    this.forwarding = await OpenVswitch.start(this.daemons, this.folder, namespace);
    const uplinks = segments.map(({ vlan }) => ({
      port: `u${vlan}`,
      vlan,
      number: 1000 + segments.findIndex((s) => s.vlan === vlan),
    }));
    const accesses = devicePlans.map(({ port }) => ({ port, vlan: 4094, number: openFlowPort(port) }));
    await this.forwarding.control([
      ...words('add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure'),
      'protocols=OpenFlow10,OpenFlow13,OpenFlow14',
      ...[...uplinks, ...accesses].flatMap(({ port, vlan, number }) => [
        ...words(`-- add-port br0 ${port} tag=${vlan} vlan_mode=access`),
        ...words(`-- set interface ${port} ofport_request=${number}`),
      ]),
    ]);
    const flows = uplinks.map(({ number }) => `add table=0,priority=1,in_port=${number},actions=NORMAL`);
    const bundle = ['ovs-ofctl', '-O', 'OpenFlow14', '--bundle', 'add-flows', this.bridge, '-'];
    await run(bundle, { input: ['delete', ...flows, ''].join('\n') });
  }

  private writeHostapd(port: string): string {
    const nas = nasOf(port);
    const server = (kind: string): string[] => [
      `${kind}_server_addr=127.0.0.1`,
      `${kind}_server_port=${nas.relayPort}`,
      `${kind}_server_shared_secret=${nas.secret}`,
    ];
    const lines = [
      `interface=${port}`,
      'driver=wired',
      `ctrl_interface=${this.folder}/hostapd`,
      'ieee8021x=1',
      'eap_reauth_period=3600',
      'use_pae_group_addr=1',
      `own_ip_addr=${nas.address}`,
      `nas_identifier=${nas.name}`,
      ...server('auth'),
      `radius_auth_req_attr=87:s:${port}`,
      'radius_auth_req_attr=61:d:15',
    ];
    const path = join(this.folder, `hostapd-${port}.conf`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  }

  /** The control plane; `firstDot1x` ports ask for 802.1X before MAC authentication. */
  async startAgents(segments: readonly LabSegment[]): Promise<void> {
    const agents = nasPlans.map((nas) => {
      const path = join(this.folder, `${nas.name}.json`);
      writeFileSync(path, JSON.stringify(this.agentConfiguration(nas, segments), null, 1));
      const program = join(import.meta.dirname, 'switch', 'labswitch.py');
      return this.daemons.start(nas.name, ['/usr/bin/python3', '-B', program, path], { namespace });
    });
    await Promise.all(agents.map((agent) => agent.saying('"ready"')));
  }

  private agentConfiguration(nas: NasPlan, segments: readonly LabSegment[]): object {
    const port = (name: string): object => ({
      ofport: openFlowPort(name),
      hostapd: `${this.folder}/hostapd/${name}`,
      dot1xFirst: devicePlans.some((device) => device.port === name && device.dot1x),
    });
    return {
      ...nas,
      server: serverAddress,
      authenticationPort,
      accountingPort,
      coaPort,
      vlans: segments.map((segment) => segment.vlan),
      ovsDatabase: this.forwarding!.database,
      ovsBridge: this.bridge,
      runDir: this.folder,
      control: this.controlSocket(nas),
      ports: Object.fromEntries(nas.ports.map((name) => [name, port(name)])),
    };
  }

  private controlSocket(nas: NasPlan): string {
    return join(this.folder, `${nas.name}.sock`);
  }

  // -- what the scenes ask of it

  private async command(nas: NasPlan, command: object): Promise<NasState> {
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const link = connect(this.controlSocket(nas));
      link.setTimeout(20_000, () => link.destroy(new Error(`the agent of ${nas.name} does not answer`)));
      link.once('error', reject);
      link.on('data', (data) => (text += data.toString()));
      link.once('close', () => resolve(text));
      link.end(`${JSON.stringify(command)}\n`);
    });
    return JSON.parse(answer) as NasState;
  }

  async nas(name: string): Promise<NasState> {
    return this.command(
      nasPlans.find((nas) => nas.name === name)!,
      { do: 'state' },
    );
  }

  async port(name: string): Promise<PortState> {
    return (await this.command(nasOf(name), { do: 'state' })).ports[name]!;
  }

  /**
   * `nak`: refuses CoA-Requests of this port's session; `silent`: answers nothing at all; `loops`: can't apply what it was granted, and asks
   * again and again; `ignores`: lets a device in as the port was configured by hand, whatever the server grants, and accounts for nothing.
   */
  async setFault(port: string, fault: 'nak' | 'silent' | 'loops' | 'ignores' | null): Promise<void> {
    await this.command(nasOf(port), { do: 'fault', port, fault });
  }

  /** What the switch does while no RADIUS server answers, as Cordon wrote it; null: it waits. */
  async configureServerDown(name: string, configuration: object | null): Promise<void> {
    const nas = nasPlans.find((each) => each.name === name)!;
    await this.command(nas, { do: 'server-down', configuration });
  }

  /** As at the end of Session-Timeout. */
  async reauthenticate(port: string): Promise<void> {
    await this.command(nasOf(port), { do: 'reauthenticate', port });
  }

  /** Takes the port's ACL out of the way, so that the firewall stands alone. */
  async bypassAcl(port: string, on: boolean): Promise<void> {
    await this.command(nasOf(port), { do: 'bypass-acl', port, on });
  }

  /** VLAN of the port in the data plane: what is true, whatever the agent says. */
  async vlan(port: string): Promise<number> {
    return Number(await this.forwarding!.control(['get', 'port', port, 'tag']));
  }

  async flows(port: string): Promise<PortFlow[]> {
    const cookie = `cookie=0x${(0x1000 + openFlowPort(port)).toString(16)}/-1`;
    const text = await run(['ovs-ofctl', '-O', 'OpenFlow14', '--no-names', 'dump-flows', this.bridge, cookie]);
    return text.split('\n').flatMap((line) => {
      const [, packets, match, action] = /n_packets=(\d+).*? (priority=\S+) actions=(\S+)/.exec(line) ?? [];
      return match === undefined || action === undefined ? [] : [{ match, action, packets: Number(packets) }];
    });
  }

  /** Packets from this port that its ACL dropped. */
  async dropped(port: string): Promise<number> {
    const drops = (await this.flows(port)).filter((flow) => flow.action === 'drop');
    return drops.reduce((sum, flow) => sum + flow.packets, 0);
  }
}

const words = (text: string): string[] => text.split(' ');

export function nasOf(port: string): NasPlan {
  const found = nasPlans.find((nas) => nas.ports.includes(port));
  if (!found) throw new Error(`no NAS has port ${port}`);
  return found;
}
