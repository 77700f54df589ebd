import { spawn } from 'node:child_process';
import { RemoteFault, TerminalFault } from '../driver.js';
import { classifyCommand, type CommandEnd } from './faults.js';
import { ourCookies } from './layout.js';
import { portOperations, portQuery, readPorts, rowsOf } from './ports.js';
import type { OvsDevice, PortChange, PortRow } from './session.js';
import { OvsdbConnection, type OvsdbTarget } from './transport-ovsdb.js';

const mostOutput = 256 * 1024 * 1024;
const mostErrorText = 64 * 1024;
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

  private ofctl(words: readonly string[], input = ''): Promise<string> {
    const { tls } = this.target;
    const files = tls
      ? [`--private-key=${tls.key}`, `--certificate=${tls.certificate}`, `--ca-cert=${tls.authority}`]
      : [];
    return runOfctl(['-O', 'OpenFlow14', ...files, ...words], input, this.timeoutMilliseconds);
  }
}

function runOfctl(words: readonly string[], input: string, timeoutMilliseconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('env', [...environment, 'ovs-ofctl', ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      shell: false,
    });
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = '';
    const giveUp = (fault: Error): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(fault);
    };
    const timer = setTimeout(
      () => giveUp(new RemoteFault(`ovs-ofctl: no answer within ${timeoutMilliseconds / 1000} s`)),
      timeoutMilliseconds,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostOutput) giveUp(new TerminalFault('ovs-ofctl: more than 256 MiB of output'));
      else stdout.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < mostErrorText) stderr += chunk.toString('utf8');
    });
    child.on('error', (error) => giveUp(new TerminalFault(`cannot start ovs-ofctl: ${error.message}`)));
    child.on('close', (code) => {
      clearTimeout(timer);
      const end: CommandEnd = { code, stderr };
      if (code === 0) resolve(Buffer.concat(stdout).toString('utf8'));
      else reject(classifyCommand(end));
    });
    // a program that ends without reading its input says why on stderr
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
