import { mkdirSync } from 'node:fs';
import { run, waitFor, type Daemons } from './process.ts';

/** An Open vSwitch of its own in a namespace, with its datapath in user space: it needs no kernel module, and nothing of the machine's. */
export class OpenVswitch {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(daemons: Daemons, folder: string, namespace: string): Promise<OpenVswitch> {
    mkdirSync(folder, { recursive: true });
    const instance = new OpenVswitch(folder);
    const env = { OVS_RUNDIR: folder, OVS_DBDIR: folder, OVS_LOGDIR: folder };
    await run(['ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema'], { env });
    const database = ['ovsdb-server', `${folder}/conf.db`, `--remote=p${instance.database}`, '--no-chdir'];
    daemons.start(`ovsdb-server-${namespace}`, database, { namespace, env });
    await waitFor('ovsdb-server', 20_000, async () => {
      const control = ['ovs-vsctl', `--db=${instance.database}`, '--no-wait', 'init', '--', 'show'];
      return (await run(control, { mayFail: true })) !== '';
    });
    const forwarding = ['ovs-vswitchd', instance.database, '--disable-system', '--no-chdir'];
    daemons.start(`ovs-vswitchd-${namespace}`, forwarding, { namespace, env });
    return instance;
  }

  get database(): string {
    return `unix:${this.folder}/db.sock`;
  }

  /** Where a bridge speaks OpenFlow. */
  openflow(bridge: string): string {
    return `unix:${this.folder}/${bridge}.mgmt`;
  }

  async control(words: readonly string[]): Promise<string> {
    return run(['ovs-vsctl', `--db=${this.database}`, ...words]);
  }
}
