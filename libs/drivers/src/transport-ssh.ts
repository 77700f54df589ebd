import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EnforcementTarget, RemoteFault, TerminalFault } from './driver.js';

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

/** Bytes to and from a device that is talked to. `ended` is called once, whoever ended it. */
export interface Channel {
  send(bytes: Buffer): void;
  end(): void;
}
export interface ChannelEvents {
  readonly received: (bytes: Buffer) => void;
  readonly ended: (why: Error) => void;
}
export type OpenChannel = (events: ChannelEvents) => Channel;

/** What is asked of the SSH server: options before the host, words behind it. */
interface SshRequest {
  readonly options: readonly string[];
  readonly words: readonly string[];
  /** What the client's end means, by its exit code and what it said. */
  readonly classifyEnd: (host: string, code: number | null, stderr: string) => Error;
}

/** A conversation through the OpenSSH client. Throws `TerminalFault` for a host that can't be meant. */
export function openSsh(target: SshTarget, request: SshRequest): OpenChannel {
  refuseOption(target.host);
  return (events) => new SshChannel(target, request, events);
}

const mostErrorText = 64 * 1024;

class SshChannel implements Channel {
  private isOver = false;
  private readonly stop = new AbortController();
  private send_: (bytes: Buffer) => void = (bytes) => this.early.push(bytes);
  private readonly early: Buffer[] = [];

  constructor(
    private readonly target: SshTarget,
    private readonly request: SshRequest,
    private readonly events: ChannelEvents,
  ) {
    void this.run();
  }

  send(bytes: Buffer): void {
    this.send_(bytes);
  }

  end(): void {
    this.isOver = true;
    this.stop.abort();
  }

  private async run(): Promise<void> {
    try {
      const folder = await writeKnownHosts(this.target.hostKey);
      try {
        if (!this.isOver) await this.converse(folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    } catch (fault) {
      this.events.ended(fault as Error);
    }
  }

  /** Rejects when the client has ended, with what it said. */
  private converse(folder: string): Promise<never> {
    return new Promise((_, reject) => {
      const { target, request, events, stop } = this;
      const args = [...sshOptions(target, folder), ...request.options, '--', target.host, ...request.words];
      const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'], shell: false });
      let stderr = '';
      stop.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
      child.stdout.on('data', (bytes: Buffer) => events.received(bytes));
      child.stderr.on('data', (bytes: Buffer) => {
        if (stderr.length < mostErrorText) stderr += bytes.toString('utf8');
      });
      child.on('error', (error) => reject(new TerminalFault(`cannot start \`ssh\`: ${error.message}`)));
      child.on('close', (code) => reject(request.classifyEnd(target.host, code, stderr)));
      // a client that ends without reading says why on stderr
      child.stdin.on('error', () => undefined);
      this.send_ = (bytes) => child.stdin.write(bytes);
      for (const bytes of this.early.splice(0)) child.stdin.write(bytes);
    });
  }
}

/** Whether trying again can help, when the client has ended. `what`: who was talked to. */
export function sshFault(
  what: string,
  code: number | null,
  stderr: string,
  known: typeof terminalSshFaults = terminalSshFaults,
): Error {
  const detail =
    stderr.trim().replaceAll(/\s+/g, ' ').slice(0, 400) ||
    (code === null ? 'the connection was cut' : `exit code ${code}`);
  const terminal = known.find(([pattern]) => pattern.test(stderr));
  return terminal ? new TerminalFault(`${what}: ${detail} (${terminal[1]})`) : new RemoteFault(`${what}: ${detail}`);
}
