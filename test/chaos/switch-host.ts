import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, waitFor, type Daemon, type Daemons } from '../lab/process.ts';
import type { PointPlans } from './hospital.ts';
import { hostOf } from './network.ts';

const ovsdbPort = 6640;
const openflowPort = 6653;
const schema = '/usr/share/openvswitch/vswitch.ovsschema';

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
