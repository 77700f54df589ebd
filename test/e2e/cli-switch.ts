import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SimulatedTerminal, type SimulatedCli } from '../../libs/drivers/src/cli-over-ssh/simulated.js';
import { startSshdWith, type TestSshd } from './nftables-sshd.js';

export const missingSshTools = (): string[] =>
  ['ssh', '/usr/sbin/sshd', 'ssh-keygen'].filter((tool) => spawnSync('which', [tool]).status !== 0);

export interface TestSwitch {
  readonly sshd: TestSshd;
  /** Conversations that go on. */
  readonly sockets: ReadonlySet<net.Socket>;
  /** While true, the switch reads nothing. */
  hang(isHanging: boolean): void;
  stop(): Promise<void>;
}

/**
 * A switch's command line behind a real sshd: logins, terminals with their echo, and ends of connections are OpenSSH's and the kernel's;
 * what is said is the simulated device's.
 */
export async function startSwitch(device: SimulatedCli): Promise<TestSwitch> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cordon-switch-'));
  const file = path.join(folder, 'socket');
  const sockets = new Set<net.Socket>();
  let isHanging = false;
  const server = net.createServer((socket) => {
    sockets.add(socket);
    if (isHanging) socket.pause();
    const terminal = new SimulatedTerminal(device, 'root');
    let typed = '';
    socket.write(terminal.greeting);
    socket.on('data', (bytes: Buffer) => {
      // the terminal has made a line feed of the return
      const lines = `${typed}${bytes.toString('utf8')}`.split('\n');
      typed = lines.pop() ?? '';
      for (const line of lines) socket.write(terminal.answer(line));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(file);
  await once(server, 'listening');
  const program = path.join(import.meta.dirname, 'cli-terminal.ts');
  const sshd = await startSshdWith(() => ({
    ForceCommand: `exec ${process.execPath} ${program} ${file}`,
    PermitTTY: 'yes',
    PrintMotd: 'no',
    PrintLastLog: 'no',
  }));
  return {
    sshd,
    sockets,
    hang(value) {
      isHanging = value;
      for (const socket of sockets)
        if (value) socket.pause();
        else socket.resume();
    },
    stop: async () => {
      await sshd.stop();
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}
