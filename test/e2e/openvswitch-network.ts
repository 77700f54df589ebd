import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { conformanceNetwork } from '../../libs/drivers/src/conformance-states.js';
import { Agent, run } from './nftables-network.js';

/*
 *   devices e0 ──────── v1 │ bridge br0 │ v2 ──────── e0 servers
 *   pump, stranger,        │ of Open    │             server, internet
 *   printer                │ vSwitch    │
 *
 * One link: each end finds every address by ARP and neighbour discovery, through the bridge. Ports p1 to p3 have nobody on them. The switch runs in
 * user space, so it needs no kernel module.
 */

const { pump, stranger, printer, server, internet, ports } = conformanceNetwork;
const schema = '/usr/share/openvswitch/vswitch.ovsschema';

/** What this test needs of the machine and doesn't find. */
export function missingForOpenvswitch(): string[] {
  const tools =
    'ovsdb-server ovsdb-tool ovs-vswitchd ovs-vsctl ovs-ofctl ovs-appctl openssl ip ethtool ping bash'.split(' ');
  const isThere = (tool: string): boolean =>
    spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]).status === 0;
  return [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...tools.filter((tool) => !isThere(tool)),
    ...(existsSync(schema) ? [] : [schema]),
  ];
}

/** An Open vSwitch of our own with bridge br0, in user space. */
export class TestSwitch {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'cordon-ovs-'));

  /** Without a namespace it moves no packets and listens on loopback, too. */
  constructor(
    private readonly namespace: string | null,
    remote: string | null = null,
  ) {
    const { folder } = this;
    const daemon = '--detach --no-chdir -vconsole:off -vfile:off';
    this.run(`ovsdb-tool create ${folder}/conf.db ${schema}`);
    const tls = remote === null ? '' : `--remote=${remote} ${this.makeCertificates()}`;
    this.run(
      `ovsdb-server ${folder}/conf.db --remote=punix:${folder}/db.sock ${tls} --pidfile=${folder}/db.pid --unixctl=${folder}/db.ctl ${daemon}`,
    );
    this.vsctl('--no-wait init');
    const datapath = namespace === null ? '--enable-dummy=override' : '';
    this.run(
      `ovs-vswitchd ${this.database} --disable-system ${datapath} --pidfile=${folder}/vs.pid --unixctl=${folder}/vs.ctl ${daemon}`,
    );
    const internal = ['p1', 'p2', 'p3'].map((port) => `-- add-port br0 ${port} -- set interface ${port} type=internal`);
    this.vsctl(
      `add-br br0 -- set bridge br0 datapath_type=netdev ${internal.join(' ')} -- set port p2 external_ids:theirs=kept`,
    );
  }

  get database(): string {
    return `unix:${this.folder}/db.sock`;
  }

  get openflow(): string {
    return `unix:${this.folder}/br0.mgmt`;
  }

  /** Keys and certificates of one authority, for both ends. */
  private makeCertificates(): string {
    const make = (name: string, by: string): string =>
      run(
        `openssl req -x509 ${by}-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -keyout ${this.file(`${name}.key`)} -out ${this.file(`${name}.pem`)}`,
      );
    make('authority', '');
    for (const name of ['switch', 'cordon'])
      make(name, `-CA ${this.file('authority.pem')} -CAkey ${this.file('authority.key')} `);
    const [key, certificate, authority] = ['switch.key', 'switch.pem', 'authority.pem'].map((name) => this.file(name));
    return `--private-key=${key} --certificate=${certificate} --ca-cert=${authority}`;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** OpenFlow over TLS, with the certificates that the database has. */
  listenForOpenflow(port: number): void {
    this.vsctl(
      `set-ssl ${this.file('switch.key')} ${this.file('switch.pem')} ${this.file('authority.pem')} -- set-controller br0 pssl:${port}:127.0.0.1`,
    );
  }

  private run(command: string): string {
    const inside = this.namespace === null ? '' : `ip netns exec ${this.namespace} `;
    const { folder } = this;
    const environment = `PATH=/usr/sbin:/usr/bin:/sbin:/bin OVS_RUNDIR=${folder} OVS_LOGDIR=${folder} OVS_DBDIR=${folder}`;
    return run(`${inside}env ${environment} ${command}`.replaceAll(/ +/g, ' '));
  }

  vsctl(args: string): string {
    return run(`ovs-vsctl --db=${this.database} ${args}`);
  }

  addFlows(bundle: string): void {
    writeFileSync(this.file('flows'), bundle);
    run(`ovs-ofctl -O OpenFlow14 --bundle add-flows ${this.openflow} ${this.file('flows')}`);
  }

  dumpFlows(): string {
    return run(`ovs-ofctl -O OpenFlow14 --no-stats --no-names dump-flows ${this.openflow}`);
  }

  /** The datapath forgets what it learnt from flows, which Open vSwitch does by itself a moment after it took a bundle, and counts it. */
  settle(): void {
    run(`ovs-appctl -t ${this.file('vs.ctl')} revalidator/purge`);
  }

  /** Frames that come in at a port, without a network: only of a switch without a namespace. */
  receive(port: string, frames: readonly string[]): void {
    execFileSync('ovs-appctl', ['-t', this.file('vs.ctl'), 'netdev-dummy/receive', port, ...frames]);
  }

  forgetConnections(): void {
    run(`ovs-appctl -t ${this.file('vs.ctl')} dpctl/flush-conntrack`);
  }

  /** Cookie → packets, of all flows. */
  countPackets(): Map<number, number> {
    const dump = run(`ovs-ofctl -O OpenFlow14 --no-names dump-flows ${this.openflow}`);
    const counts = dump.matchAll(/cookie=(0x[0-9a-f]+),.* n_packets=(\d+)/g);
    return new Map([...counts].map(([, cookie, packets]) => [Number(cookie), Number(packets)]));
  }

  /** Stops a daemon where it stands, lets it go on, or ends it. */
  signal(daemon: 'vs' | 'db', signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    process.kill(Number(readFileSync(this.file(`${daemon}.pid`), 'utf8')), signal);
  }

  async stop(): Promise<void> {
    const daemons = ['vs', 'db'] as const;
    for (const daemon of daemons) this.signal(daemon, 'SIGTERM');
    // they take their files away last
    while (daemons.some((daemon) => existsSync(this.file(`${daemon}.pid`)))) await setTimeout(10);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Three namespaces and the switch between them; nothing outside of them is changed. */
export class OpenvswitchNetwork {
  readonly bridge: TestSwitch;
  readonly devices: Agent;
  readonly servers: Agent;
  private readonly names: readonly [bridge: string, devices: string, servers: string];

  private constructor() {
    const name = (part: string): string => `cordon-${process.pid}-ovs-${part}`;
    this.names = [name('sw'), name('dev'), name('srv')];
    const [inSwitch, inDevices, inServers] = this.names;
    for (const each of this.names) {
      run(`ip netns add ${each}`);
      run(`ip -n ${each} link set lo up`);
    }
    this.attach(1, inDevices, [...pump, ...stranger, ...printer]);
    this.attach(2, inServers, [...server, ...internet]);
    this.bridge = new TestSwitch(inSwitch);
    this.bridge.vsctl('add-port br0 v1 -- add-port br0 v2');
    this.devices = new Agent(inDevices);
    this.servers = new Agent(inServers);
  }

  static async create(): Promise<OpenvswitchNetwork> {
    const network = new OpenvswitchNetwork();
    for (const port of ports) {
      for (const address of [...pump, ...stranger, ...printer]) await network.devices.ask('listen', { address, port });
      for (const address of [...server, ...internet]) await network.servers.ask('listen', { address, port });
    }
    return network;
  }

  private attach(link: number, namespace: string, addresses: readonly string[]): void {
    const [inSwitch] = this.names;
    run(`ip link add v${link} netns ${inSwitch} type veth peer name e0 netns ${namespace}`);
    run(`ip -n ${inSwitch} link set v${link} up`);
    run(`ip -n ${namespace} link set e0 up`);
    // a switch in user space sees packets as they are sent, before hardware would fill in their checksums
    run(`ip netns exec ${namespace} ethtool -K e0 tx off`);
    for (const address of addresses)
      run(`ip -n ${namespace} addr add ${address}/${address.includes(':') ? '128 dev e0 nodad' : '32 dev e0'}`);
    run(`ip -n ${namespace} route add default dev e0`);
    run(`ip -n ${namespace} -6 route add default dev e0`);
  }

  /** Whether the pump learns by an ICMP error that nobody listens at this UDP port of the server. */
  isRefusedByIcmp(port: number): boolean {
    const script = `exec 3<>/dev/udp/${server[0]}/${port} && echo a >&3 && sleep 0.2 && echo b >&3`;
    const { stderr } = spawnSync('ip', ['netns', 'exec', this.names[1], 'bash', '-c', script], { encoding: 'utf8' });
    return stderr.includes('Connection refused');
  }

  async dispose(): Promise<void> {
    await this.devices.stop();
    await this.servers.stop();
    await this.bridge.stop();
    for (const name of this.names) run(`ip netns del ${name}`);
  }
}
