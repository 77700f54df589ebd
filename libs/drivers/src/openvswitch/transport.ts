import { runProgram } from '../transport-program.js';
import { classifyCommand } from './faults.js';
import { ourCookies } from './layout.js';
import { portOperations, portQuery, readPorts, rowsOf } from './ports.js';
import type { OvsDevice, PortChange, PortRow } from './session.js';
import { OvsdbConnection, type OvsdbTarget } from './transport-ovsdb.js';

/** sbin isn't on every user's path; messages are told apart by their English text. */
const environment = ['LC_ALL=C', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

/**
 * Flows through ovs-ofctl, which runs here and speaks OpenFlow with the switch; ports through the switch's database, of which we speak
 * the protocol ourselves. What varies of flows goes through standard input.
 */
export class OvsTransport implements OvsDevice {
  constructor(
    private readonly target: OvsdbTarget,
    private readonly bridge: string,
    private readonly timeoutMilliseconds: number,
  ) {}

  dumpFlows(): Promise<string> {
    return this.ofctl(['--no-stats', '--no-names', 'dump-flows', this.target.openflow]);
  }

  dumpCounters(): Promise<string> {
    return this.ofctl(['--no-names', 'dump-flows', this.target.openflow, `cookie=${ourCookies}`]);
  }

  async changeFlows(bundle: string): Promise<void> {
    await this.ofctl(['--bundle', 'add-flows', this.target.openflow, '-'], bundle);
  }

  listPorts(): Promise<readonly PortRow[]> {
    return this.database(async (connection) =>
      readPorts(this.bridge, await connection.transact(portQuery(this.bridge))),
    );
  }

  /** The database has it at once; that the switch does it shows in `cur_cfg`, as for ovs-vsctl(8). */
  async changePorts(changes: readonly PortChange[]): Promise<void> {
    await this.database(async (connection) => {
      const results = await connection.transact([
        ...portOperations(changes),
        { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] },
        { op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg', 'cur_cfg'] },
      ]);
      const { next_cfg: goal, cur_cfg } = rowsOf(results.at(-1))[0] ?? {};
      for (let done = cur_cfg; !(Number(done) >= Number(goal));) {
        const read = { table: 'Open_vSwitch', where: [], columns: ['cur_cfg'] };
        const wait = { ...read, op: 'wait', until: '!=', rows: [{ cur_cfg: done }], timeout: this.timeoutMilliseconds };
        const answer = await connection.transact([wait, { ...read, op: 'select' }]);
        done = rowsOf(answer[1])[0]?.['cur_cfg'];
      }
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private database<T>(work: (connection: OvsdbConnection) => Promise<T>): Promise<T> {
    return OvsdbConnection.with(this.target, this.timeoutMilliseconds, work);
  }

  private async ofctl(words: readonly string[], input = ''): Promise<string> {
    const { tls } = this.target;
    const files = tls
      ? [`--private-key=${tls.key}`, `--certificate=${tls.certificate}`, `--ca-cert=${tls.authority}`]
      : [];
    const command = ['env', ...environment, 'ovs-ofctl', '-O', 'OpenFlow14', ...files, ...words];
    const { timeoutMilliseconds } = this;
    const end = await runProgram({ what: 'ovs-ofctl', command, input, timeoutMilliseconds });
    if (end.code !== 0) throw classifyCommand(end);
    return end.stdout;
  }
}
