import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import type { EnforcementTarget } from '#drivers';
import { run } from './nftables-network.js';

export interface TestSshd {
  readonly target: Extract<EnforcementTarget, { kind: 'ssh' }>;
  /** A host key that isn't this server's. */
  readonly otherHostKey: string;
  stop(): Promise<void>;
}

/** An sshd on loopback that runs whatever it is told inside the namespace. */
export const startSshd = (namespace: string): Promise<TestSshd> =>
  startSshdWith(() => ({ ForceCommand: `exec ip netns exec ${namespace} sh -c "$SSH_ORIGINAL_COMMAND"` }));

/** An sshd on loopback with these settings more. */
export async function startSshdWith(settings: (port: number) => Readonly<Record<string, string>>): Promise<TestSshd> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cordon-sshd-'));
  const file = (name: string): string => path.join(folder, name);
  for (const name of ['host', 'other', 'client']) run(`ssh-keygen -q -t ed25519 -f ${file(name)} -P  -C test`);
  await writeFile(file('authorized_keys'), await readFile(file('client.pub')));
  const port = await freePort();
  const config = {
    Port: port,
    ListenAddress: '127.0.0.1',
    HostKey: file('host'),
    PidFile: 'none',
    AuthorizedKeysFile: file('authorized_keys'),
    StrictModes: 'no',
    UsePAM: 'no',
    PermitRootLogin: 'yes',
    PasswordAuthentication: 'no',
    ...settings(port),
  };
  await writeFile(
    file('config'),
    Object.entries(config)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(''),
  );
  mkdirSync('/run/sshd', { recursive: true });
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  // it says `Server listening on …` once it does
  await once(readline.createInterface({ input: sshd.stderr }), 'line');
  const hostKey = async (name: string): Promise<string> =>
    `127.0.0.1 ${await readFile(file(`${name}.pub`), 'utf8')}`.trim();
  return {
    target: {
      kind: 'ssh',
      host: '127.0.0.1',
      port,
      user: 'root',
      identityFile: file('client'),
      hostKey: await hostKey('host'),
    },
    otherHostKey: await hostKey('other'),
    stop: async () => {
      const ended = once(sshd, 'exit');
      sshd.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
