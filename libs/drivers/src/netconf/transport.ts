import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { RemoteFault, TerminalFault } from '../driver.js';
import { refuseOption, sshOptions, terminalSshFaults, writeKnownHosts, type SshTarget } from '../transport-ssh.js';
import type { Channel, ChannelEvents, OpenChannel } from './client.js';

const mostErrorText = 64 * 1024;

/** NETCONF over the OpenSSH client, `ssh -s HOST netconf` (RFC 6242 §3). Throws `TerminalFault` for a host that can't be meant. */
export function sshChannel(target: SshTarget): OpenChannel {
  refuseOption(target.host);
  return (events) => new SshChannel(target, events);
}

class SshChannel implements Channel {
  private isOver = false;
  private readonly stop = new AbortController();
  private send_: (bytes: Buffer) => void = (bytes) => this.early.push(bytes);
  private readonly early: Buffer[] = [];

  constructor(
    private readonly target: SshTarget,
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
      const { target, events, stop } = this;
      const args = [...sshOptions(target, folder), '-s', '--', target.host, 'netconf'];
      const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'], shell: false });
      let stderr = '';
      stop.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
      child.stdout.on('data', (bytes: Buffer) => events.received(bytes));
      child.stderr.on('data', (bytes: Buffer) => {
        if (stderr.length < mostErrorText) stderr += bytes.toString('utf8');
      });
      child.on('error', (error) => reject(new TerminalFault(`cannot start \`ssh\`: ${error.message}`)));
      child.on('close', (code) => reject(classifyEnd(target.host, code, stderr)));
      // a client that ends without reading says why on stderr
      child.stdin.on('error', () => undefined);
      this.send_ = (bytes) => child.stdin.write(bytes);
      for (const bytes of this.early.splice(0)) child.stdin.write(bytes);
    });
  }
}

/** Whether trying again can help. */
export function classifyEnd(host: string, code: number | null, stderr: string): Error {
  const detail =
    stderr.trim().replaceAll(/\s+/g, ' ').slice(0, 400) ||
    (code === null ? 'the connection was cut' : `exit code ${code}`);
  const known = terminalFaults.find(([pattern]) => pattern.test(stderr));
  if (known) return new TerminalFault(`NETCONF on ${host}: ${detail} (${known[1]})`);
  return new RemoteFault(`NETCONF on ${host}: ${detail}`);
}

const terminalFaults: typeof terminalSshFaults = [
  ...terminalSshFaults,
  [
    /subsystem request failed/i,
    'this SSH server has no NETCONF: turn it on there, and check `port`, which is 830 on most switches',
  ],
];
