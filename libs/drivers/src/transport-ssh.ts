import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EnforcementTarget, TerminalFault } from './driver.js';

/** What all drivers that go through the OpenSSH client have in common: whom they trust, and as whom they come. */
export type SshTarget = Extract<EnforcementTarget, { readonly kind: 'ssh' }>;

/** Exactly the named key and the named host key: no agent, no user configuration, no questions. `folder`: of `writeKnownHosts`. */
export function sshOptions(target: SshTarget, folder: string): string[] {
  const options = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: path.join(folder, 'known_hosts'),
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: hostAlias,
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    ConnectTimeout: '10',
    ServerAliveInterval: '5',
    LogLevel: 'ERROR',
  };
  const settings = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return [
    '-F',
    '/dev/null',
    '-T',
    ...settings,
    '-i',
    target.identityFile,
    '-p',
    String(target.port),
    '-l',
    target.user,
  ];
}

const hostAlias = 'cordon-target';

/** A new folder with the host key in it; whoever asked for it removes it. */
export async function writeKnownHosts(hostKey: string): Promise<string> {
  const line = knownHostsLine(hostKey);
  const folder = await mkdtemp(path.join(tmpdir(), 'cordon-ssh-'));
  await writeFile(path.join(folder, 'known_hosts'), line, { mode: 0o600 });
  return folder;
}

/** The key under our alias: it then holds whatever address, port or hash the given line named. */
export function knownHostsLine(hostKey: string): string {
  const match = /(?:^|\s)((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(hostKey);
  if (!match || hostKey.trim().startsWith('@') || /[\r\n]./.test(hostKey.trim()))
    throw new TerminalFault(
      '`hostKey` is no single line of known_hosts (`HOST TYPE BASE64`); `ssh-keyscan HOST` prints such lines',
    );
  return `${hostAlias} ${match[1]} ${match[2]}\n`;
}

/** A word of a command that could be taken for an option, or for more than one word. */
export function refuseOption(word: string): void {
  if (!/^[A-Za-z0-9_[][A-Za-z0-9_.:%\][-]*$/.test(word))
    throw new TerminalFault(`\`${word.slice(0, 80)}\` is no name of a host or a namespace`);
}

/** What the client says when waiting cures nothing, and the remedy. */
export const terminalSshFaults: readonly (readonly [RegExp, string])[] = [
  [
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    'the host key is not the one in the policy: find out why before you change it',
  ],
  [
    /Permission denied|Too many authentication failures/i,
    'the key or the user is not accepted: check `identity`, its mode 0600, and authorized_keys',
  ],
  [/Load key|Identity file .* not accessible|invalid format/i, 'the private key file cannot be used'],
];
