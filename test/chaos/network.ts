import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treeOf } from '../bench/radius/process-tree.ts';
import { run, waitFor, type Daemon, type Daemons } from '../lab/process.ts';
import { addressesOf, devicePlans, servers, serverPorts, vlans, type PointPlans, type Site } from './hospital.ts';
import { Agent } from './agent.ts';

/*
 *   main-dev e0 ── v1 fw  v2 ── e0 main-srv          branch-dev e0 ── v1 sw (br0) v2 ── e0 branch-srv
 *                   │ m0 10.99.1.2                                  │ m0 10.99.2.2
 *   controller, bridges, switches ── 10.99.1.1 ─────────────────────┴── 10.99.2.1
 *
 * All in the sandbox of run.ts. The firewall routes; the bridge is one link, in user space.
 */

const managed = {
  main: { host: '10.99.1.2', own: '10.99.1.1' },
  branch: { host: '10.99.2.2', own: '10.99.2.1' },
} as const;
const gateways = { main: 'fw', branch: 'sw' } as const;
const ovsdbPort = 6640;
const openflowPort = 6653;
const schema = '/usr/share/openvswitch/vswitch.ovsschema';

export const hostOf = (site: Site): string => managed[site].host;

const ip = (namespace: string | null, lines: readonly string[]): Promise<string> =>
  run(['ip', ...(namespace === null ? [] : ['-n', namespace]), '-batch', '-'], { input: `${lines.join('\n')}\n` });

async function buildSite(site: Site): Promise<void> {
  const gateway = gateways[site];
  const { host, own } = managed[site];
  await ip(null, [`netns add ${gateway}`, `netns add ${site}-dev`, `netns add ${site}-srv`]);
  await ip(null, [
    `link add v1 netns ${gateway} type veth peer name e0 netns ${site}-dev`,
    `link add v2 netns ${gateway} type veth peer name e0 netns ${site}-srv`,
    `link add m-${site} type veth peer name m0 netns ${gateway}`,
    `addr add ${own}/24 dev m-${site}`,
    `link set m-${site} up`,
  ]);
  await ip(gateway, [
    'link set lo up',
    'link set v1 up',
    'link set v2 up',
    `addr add ${host}/24 dev m0`,
    'link set m0 up',
  ]);
  const deviceAddresses = devicePlans
    .filter(({ nas }) => nas.site === site)
    .flatMap((plan) => Object.values(vlans).flatMap((vlan) => Object.values(addressesOf(plan, vlan))));
  const serverAddresses = Object.values(servers).flatMap((server) => Object.values(server));
  for (const [n, end, addresses] of [
    [1, `${site}-dev`, deviceAddresses],
    [2, `${site}-srv`, serverAddresses],
  ] as const) {
    await ip(end, [
      'link set lo up',
      'link set e0 up',
      ...addresses.map((address) => `addr add ${address}${address.includes(':') ? '/128 dev e0 nodad' : '/32 dev e0'}`),
    ]);
    if (site === 'main') await routeTo(n, end, addresses);
    else {
      await ip(end, ['route add default dev e0', 'route add ::/0 dev e0']);
      // A switch in user space sees packets as they are sent, before hardware would fill in their checksums.
      await run(['ethtool', '-K', 'e0', 'tx', 'off'], { namespace: end });
    }
  }
}

async function routeTo(n: number, end: string, addresses: readonly string[]): Promise<void> {
  await ip('fw', [
    `addr add 10.255.${n}.1/30 dev v${n}`,
    `addr add fd00:ff0${n}::1/64 dev v${n} nodad`,
    ...addresses.map((a) => `route add ${a} via ${a.includes(':') ? `fd00:ff0${n}::2` : `10.255.${n}.2`}`),
  ]);
  await ip(end, [
    `addr add 10.255.${n}.2/30 dev e0`,
    `addr add fd00:ff0${n}::2/64 dev e0 nodad`,
    `route add default via 10.255.${n}.1`,
    `route add ::/0 via fd00:ff0${n}::1`,
  ]);
}

/** Networks of both sites with somebody who sends and somebody who answers. */
export class Network {
  readonly devices: Readonly<Record<Site, Agent>>;
  private readonly ends: readonly Agent[];

  private constructor(agents: Readonly<Record<Site, Agent>>, ends: readonly Agent[]) {
    this.devices = agents;
    this.ends = ends;
  }

  static async build(): Promise<Network> {
    await run(['mount', '-t', 'tmpfs', 'netns', '/run/netns']);
    await ip(null, ['link set lo up']);
    await Promise.all([buildSite('main'), buildSite('branch')]);
    await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'], { namespace: 'fw' });
    const [main, branch] = [new Agent('main-dev'), new Agent('branch-dev')];
    const ends = [new Agent('main-srv'), new Agent('branch-srv')];
    for (const end of ends)
      for (const { v4, v6 } of Object.values(servers))
        for (const address of [v4, v6]) for (const port of serverPorts) await end.ask('listen', { address, port });
    return new Network({ main, branch }, [main, branch, ...ends]);
  }

  /** The cable of the management network. */
  async plug(site: Site, isIn: boolean): Promise<void> {
    await run(['ip', 'link', 'set', `m-${site}`, isIn ? 'up' : 'down']);
  }

  close(): void {
    for (const end of this.ends) end.stop();
  }
}

/** Packets that this machine drops on their way out, by name; nothing of Cordon's is on this side. */
export class Partitions {
  async start(): Promise<void> {
    await nft(null, `table inet partitions { chain out { type filter hook output priority 0; policy accept; }; }`);
  }

  /** `match`: as nft says it. */
  async cut(name: string, match: string): Promise<void> {
    await nft(null, `add rule inet partitions out ${match} drop comment "${name}"`);
  }

  async mend(name: string): Promise<void> {
    const list = await run(['nft', '-a', 'list', 'chain', 'inet', 'partitions', 'out']);
    for (const [, handle] of list.matchAll(new RegExp(`comment "${name}" # handle (\\d+)`, 'g')))
      await nft(null, `delete rule inet partitions out handle ${handle}`);
  }
}

const nft = (namespace: string | null, commands: string): Promise<string> =>
  run(['sh', '-c', 'cat | nft -f -'], { input: `${commands}\n`, ...(namespace === null ? {} : { namespace }) });

/** A Linux firewall: an sshd in its namespace, and tables of somebody else. */
export class FirewallHost {
  private readonly folder: string;
  private readonly daemons: Daemons;
  private sshd: Daemon | null = null;
  private foreign = 0;

  constructor(folder: string, daemons: Daemons) {
    this.folder = join(folder, 'firewall');
    this.daemons = daemons;
    mkdirSync(this.folder);
  }

  private file(name: string): string {
    return join(this.folder, name);
  }

  get identity(): PointPlans['ssh'] {
    const hostKey = `${hostOf('main')} ${readFileSync(this.file('host.pub'), 'utf8')}`.trim();
    return { host: hostOf('main'), identity: this.file('client'), hostKey };
  }

  async prepare(): Promise<void> {
    for (const name of ['host', 'client'])
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-f', this.file(name), '-N', '', '-C', 'chaos']);
    writeFileSync(this.file('authorized_keys'), readFileSync(this.file('client.pub')));
    const settings = {
      Port: 22,
      ListenAddress: hostOf('main'),
      HostKey: this.file('host'),
      PidFile: 'none',
      AuthorizedKeysFile: this.file('authorized_keys'),
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      PasswordAuthentication: 'no',
      // What a person has in their shell's start-up files is not killed in its middle, and does not make logins slow.
      SetEnv: `HOME=${this.folder}`,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
    writeFileSync(this.file('config'), lines.join(''));
    mkdirSync('/run/sshd', { recursive: true });
    await this.addForeignTable();
  }

  async start(): Promise<void> {
    if (this.sshd?.isRunning) return;
    const command = ['/usr/sbin/sshd', '-D', '-e', '-f', this.file('config')];
    this.sshd = this.daemons.start('sshd', command, { namespace: 'fw' });
    await this.sshd.saying('Server listening');
  }

  get isRunning(): boolean {
    return this.sshd?.isRunning ?? false;
  }

  /** With all logins. */
  kill(): void {
    for (const { pid } of treeOf([this.sshd!.pid])) kill(pid);
  }

  nft(commands: string): Promise<string> {
    return nft('fw', commands);
  }

  async list(): Promise<string> {
    return run(['nft', '-j', 'list', 'table', 'inet', 'cordon'], { namespace: 'fw', mayFail: true });
  }

  async addForeignTable(): Promise<void> {
    const name = `theirs_${++this.foreign}`;
    await this.nft(`table ip ${name} {
      set s { type ipv4_addr; elements = { 10.0.0.${this.foreign % 250} }; }
      chain forward { type filter hook forward priority ${10 + this.foreign}; policy accept; tcp dport 1 drop comment "theirs"; }
    }`);
  }

  get foreignCount(): number {
    return this.foreign;
  }

  /** What must never change, as text. */
  async foreignTables(): Promise<string> {
    const names = Array.from({ length: this.foreign }, (_, i) => `theirs_${i + 1}`);
    const tables = await Promise.all(
      names.map((name) => run(['nft', 'list', 'table', 'ip', name], { namespace: 'fw', mayFail: true })),
    );
    return tables.join('');
  }
}

const foreignFlows = [
  'cookie=0x77,table=0,priority=5,tcp,tp_dst=1,actions=drop',
  'cookie=0x77,table=7,priority=9,ip,actions=NORMAL',
  // What Cordon passes goes on to the flows of others: without this one nothing is forwarded.
  'cookie=0x77,table=0,priority=0,actions=NORMAL',
];

/** Open vSwitch in user space. Its start script lets nothing pass until Cordon's flows are there. */
export class SwitchHost {
  private readonly folder: string;
  private readonly daemons: Daemons;
  private database: Daemon | null = null;
  private forwarding: Daemon | null = null;

  constructor(folder: string, daemons: Daemons) {
    this.folder = join(folder, 'openvswitch');
    this.daemons = daemons;
    mkdirSync(this.folder);
  }

  get remotes(): PointPlans['openvswitch'] {
    return { ovsdb: `tcp:${hostOf('branch')}:${ovsdbPort}`, openflow: `tcp:${hostOf('branch')}:${openflowPort}` };
  }

  private get env(): Record<string, string> {
    return { OVS_RUNDIR: this.folder, OVS_DBDIR: this.folder, OVS_LOGDIR: this.folder };
  }

  private get local(): string {
    return `unix:${this.folder}/db.sock`;
  }

  async start(): Promise<void> {
    const { folder, env } = this;
    await run(['ovsdb-tool', 'create', `${folder}/conf.db`, schema]);
    const remotes = [`--remote=punix:${folder}/db.sock`, `--remote=ptcp:${ovsdbPort}:${hostOf('branch')}`];
    const files = [`--pidfile=${folder}/db.pid`, `--unixctl=${folder}/db.ctl`, '--no-chdir'];
    const command = ['ovsdb-server', `${folder}/conf.db`, ...remotes, ...files];
    this.database = this.daemons.start('ovsdb-server', command, { namespace: 'sw', env });
    await waitFor('ovsdb-server', 20_000, async () => (await this.vsctl('--no-wait init -- show', true)) !== '');
    this.startForwarding();
    await this.vsctl(
      `add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure other-config:disable-in-band=true -- add-port br0 v1 -- add-port br0 v2 -- set-controller br0 ptcp:${openflowPort}:${hostOf('branch')}`,
    );
  }

  startForwarding(): void {
    const { folder, env } = this;
    const files = [`--pidfile=${folder}/vs.pid`, `--unixctl=${folder}/vs.ctl`, '--no-chdir'];
    const command = ['ovs-vswitchd', this.local, '--disable-system', ...files];
    this.forwarding = this.daemons.start('ovs-vswitchd', command, { namespace: 'sw', env });
  }

  get isRunning(): boolean {
    return (this.database?.isRunning ?? false) && (this.forwarding?.isRunning ?? false);
  }

  kill(): Promise<void> {
    return this.forwarding!.stop('SIGKILL');
  }

  /** What its start script does last: the README of the driver says why. */
  async openWhenReady(signal: AbortSignal): Promise<void> {
    await waitFor('the flows of Cordon', 120_000, async () => {
      signal.throwIfAborted();
      return (await this.flows(true)).some((line) => line.includes('priority=65535'));
    });
    await this.change(foreignFlows.map((flow) => `add ${flow}`));
  }

  async change(lines: readonly string[]): Promise<void> {
    const bundle = ['ovs-ofctl', '-O', 'OpenFlow14', '--bundle', 'add-flows', `unix:${this.folder}/br0.mgmt`, '-'];
    await run(bundle, { input: `${lines.join('\n')}\n`, env: this.env });
  }

  /** All, a line each. */
  async flows(mayFail = false): Promise<string[]> {
    const dump = [
      'ovs-ofctl',
      '-O',
      'OpenFlow14',
      '--no-stats',
      '--no-names',
      'dump-flows',
      `unix:${this.folder}/br0.mgmt`,
    ];
    const text = await run(dump, { env: this.env, mayFail });
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes('actions='));
  }

  async foreignFlows(): Promise<string> {
    return (await this.flows())
      .filter((line) => line.includes('cookie=0x77,'))
      .sort()
      .join('\n');
  }

  private vsctl(words: string, mayFail = false): Promise<string> {
    return run(['ovs-vsctl', `--db=${this.local}`, ...words.split(' ')], { env: this.env, mayFail });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
