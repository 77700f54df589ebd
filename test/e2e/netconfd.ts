import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSshdWith, type TestSshd } from './nftables-sshd.js';

/** Models for tests, in our own words: see their heads. */
export const yangFolder = path.join(import.meta.dirname, '../../libs/drivers/src/netconf/testdata/yang');
const modules = ['ietf-access-control-list', 'openconfig-acl', 'openconfig-network-instance'];

export function missingNetconfTools(): string[] {
  const tools = ['netconfd', 'netconf-subsystem', 'yanglint', 'ssh', '/usr/sbin/sshd'];
  return tools.filter((tool) => spawnSync('which', [tool], { env: withSbin() }).status !== 0);
}

export interface TestNetconfd {
  readonly sshd: TestSshd;
  readonly pid: number;
  /** Path. */
  readonly log: string;
  stop(): Promise<void>;
}

/** netconfd of yuma123 with our models and nothing configured, behind an sshd on loopback. */
export async function startNetconfd(): Promise<TestNetconfd> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cordon-netconfd-'));
  const socket = path.join(folder, 'socket');
  const sshd = await startSshdWith((port) => ({
    Subsystem: `netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname=${port}@${socket}"`,
  }));
  const options = {
    modpath: `${yangFolder}:/usr/share/yuma/modules`,
    superuser: 'root',
    port: `${sshd.target.port}`,
    'ncxserver-sockname': socket,
    target: 'candidate',
    'with-startup': 'false',
    'access-control': 'off',
    'log-level': 'info',
    log: path.join(folder, 'log'),
  };
  const args = [
    '--no-startup',
    ...modules.map((module) => `--module=${module}`),
    ...Object.entries(options).map(([key, value]) => `--${key}=${value}`),
  ];
  const netconfd = spawn('netconfd', args, { stdio: 'ignore', env: withSbin(), cwd: folder });
  const ended = once(netconfd, 'exit');
  const deadline = Date.now() + 20_000;
  while (!existsSync(socket)) {
    if (netconfd.exitCode !== null || Date.now() > deadline)
      throw new Error(`netconfd does not come up: ${await readFile(options.log, 'utf8').catch(() => 'no log')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    sshd,
    pid: netconfd.pid!,
    log: options.log,
    stop: async () => {
      netconfd.kill('SIGCONT');
      netconfd.kill('SIGKILL');
      await ended;
      await sshd.stop();
      await rm(folder, { recursive: true });
    },
  };
}

const withSbin = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` });
