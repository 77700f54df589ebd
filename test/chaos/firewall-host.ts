import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treeOf } from '../bench/radius/process-tree.ts';
import { run, type Daemon, type Daemons } from '../lab/process.ts';
import type { PointPlans } from './hospital.ts';
import { hostOf, loadNft } from './network.ts';

/** A Linux firewall: an sshd in its namespace, and tables of somebody else. */
export class FirewallHost {
  private readonly folder: string;
  private readonly daemons: Daemons;
  private sshd: Daemon | null = null;
  private foreign = 0;

  constructor(folder: string, daemons: Daemons) {
    this.folder = join(folder, 'firewall');
    this.daemons = daemons;
    mkdirSync(this.folder);
  }

  private file(name: string): string {
    return join(this.folder, name);
  }

  get identity(): PointPlans['ssh'] {
    const hostKey = `${hostOf('main')} ${readFileSync(this.file('host.pub'), 'utf8')}`.trim();
    return { host: hostOf('main'), identity: this.file('client'), hostKey };
  }

  async prepare(): Promise<void> {
    for (const name of ['host', 'client'])
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-f', this.file(name), '-N', '', '-C', 'chaos']);
    writeFileSync(this.file('authorized_keys'), readFileSync(this.file('client.pub')));
    const settings = {
      Port: 22,
      ListenAddress: hostOf('main'),
      HostKey: this.file('host'),
      PidFile: 'none',
      AuthorizedKeysFile: this.file('authorized_keys'),
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      PasswordAuthentication: 'no',
      // What a person has in their shell's start-up files is not killed in its middle, and does not make logins slow.
      SetEnv: `HOME=${this.folder}`,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
    writeFileSync(this.file('config'), lines.join(''));
    mkdirSync('/run/sshd', { recursive: true });
    await this.addForeignTable();
  }

  async start(): Promise<void> {
    if (this.sshd?.isRunning) return;
    const command = ['/usr/sbin/sshd', '-D', '-e', '-f', this.file('config')];
    this.sshd = this.daemons.start('sshd', command, { namespace: 'fw' });
    await this.sshd.saying('Server listening');
  }

  get isRunning(): boolean {
    return this.sshd?.isRunning ?? false;
  }

  /** With all logins. */
  kill(): void {
    for (const { pid } of treeOf([this.sshd!.pid])) kill(pid);
  }

  nft(commands: string): Promise<string> {
    return loadNft('fw', commands);
  }

  async list(): Promise<string> {
    return run(['nft', '-j', 'list', 'table', 'inet', 'cordon'], { namespace: 'fw', mayFail: true });
  }

  async addForeignTable(): Promise<void> {
    const name = `theirs_${++this.foreign}`;
    await this.nft(`table ip ${name} {
      set s { type ipv4_addr; elements = { 10.0.0.${this.foreign % 250} }; }
      chain forward { type filter hook forward priority ${10 + this.foreign}; policy accept; tcp dport 1 drop comment "theirs"; }
    }`);
  }

  get foreignCount(): number {
    return this.foreign;
  }

  /** What must never change, as text. */
  async foreignTables(): Promise<string> {
    const names = Array.from({ length: this.foreign }, (_, i) => `theirs_${i + 1}`);
    const tables = await Promise.all(
      names.map((name) => run(['nft', 'list', 'table', 'ip', name], { namespace: 'fw', mayFail: true })),
    );
    return tables.join('');
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
