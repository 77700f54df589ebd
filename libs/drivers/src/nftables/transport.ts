import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Connection } from '#model';
import { families, formatAddress, type Address } from '#net';
import type { ConnectionListing, EnforcementTarget } from '../driver.js';
import { runProgram, type ProgramEnd } from '../transport-program.js';
import { refuseOption, sshOptions, writeKnownHosts, type SshTarget } from '../transport-ssh.js';
import { tableId } from './commands.js';
import { formatExactly, listConnections, parseConnections, planCuts } from './conntrack.js';
import { classifyFault, isMisfit, isMissingTable } from './faults.js';
import type { NftDevice } from './session.js';
import { TableWatch, tellDeletions } from './transport-watch.js';

export type CommandTarget = Extract<EnforcementTarget, { readonly kind: 'local' | 'netns' | 'ssh' }>;

/** Long enough for a table of 100,000 members over a slow line; a device that needs more is not answering. */
const timeoutMilliseconds = 30_000;
/** `conntrack -R` reads the whole connection table once a line, so a call gets as many as take about this long, far from the time-out. */
const cutMilliseconds = 3000;
const firstCuts = 10;
const mostCuts = 1000;
/** sbin isn't on every user's path; messages are told apart by their English text. */
const environment = ['LC_ALL=C', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

/**
 * Runs nft and conntrack here, in a network namespace, or through the OpenSSH client. All words of a command are fixed;
 * whatever varies goes through standard input, so there is nothing for a shell
 * to misread.
 */
export class CommandTransport implements NftDevice {
  private folder: Promise<string> | null = null;
  private deletions: TableWatch | null = null;

  constructor(private readonly target: CommandTarget) {}

  async list(): Promise<string | null> {
    return this.listing(['nft', '-j', '-n', 'list', 'table', tableId.family, tableId.table]);
  }

  async listCounters(): Promise<string | null> {
    return this.listing(['nft', '-j', '-n', 'list', 'counters', 'table', tableId.family, tableId.table]);
  }

  async load(transaction: string): Promise<void> {
    await this.expect(['nft', '-j', '-f', '-'], transaction);
  }

  async wouldTake(transaction: string): Promise<boolean> {
    const command = ['nft', '-c', '-j', '-f', '-'];
    const result = await this.run(command, transaction);
    if (isMisfit(result)) return false;
    if (result.code !== 0) throw classifyFault(this.describe(command), result);
    return true;
  }

  watch(onLost: () => void): void {
    const words = ['sh', '-c', this.target.kind === 'ssh' ? `'${tellDeletions}'` : tellDeletions];
    this.deletions = new TableWatch(() => this.words(words, false), onLost);
  }

  async connections(of?: readonly Address[]): Promise<readonly Connection[]> {
    const commands = of
      ? of.flatMap((end) =>
          ['--orig-src', '--orig-dst'].map((side) => listConnections(end.family, [side, formatAddress(end)])),
        )
      : families.map((family) => listConnections(family, []));
    const out = new Map<string, Connection>();
    for (const command of commands)
      for (const connection of parseConnections(await this.expect(command)))
        out.set(formatExactly(connection), connection);
    return [...out.values()];
  }

  async cut(connections: readonly Connection[], listed?: ConnectionListing): Promise<void> {
    const cuts = planCuts(connections, listed);
    let count = firstCuts;
    for (let start = 0; start < cuts.length;) {
      const began = performance.now();
      await this.expect(['conntrack', '-R', '-'], cuts.slice(start, start + count).join(''));
      start += count;
      const share = cutMilliseconds / Math.max(performance.now() - began, 1);
      count = Math.min(Math.max(Math.floor(count * share), 1), mostCuts);
    }
  }

  async close(): Promise<void> {
    this.deletions?.stop();
    const { target } = this;
    if (target.kind !== 'ssh' || !this.folder) return;
    const folder = await this.folder;
    this.folder = null;
    // fails when no login is open, which is as good
    const command = ['ssh', ...commandOptions(target, folder), '-O', 'exit', '--', target.host];
    await runProgram({ what: 'ssh -O exit', command, input: '', timeoutMilliseconds });
    await rm(folder, { recursive: true, force: true });
  }

  private async listing(command: readonly string[]): Promise<string | null> {
    const result = await this.run(command);
    if (isMissingTable(result)) return null;
    if (result.code !== 0) throw classifyFault(this.describe(command), result);
    return result.stdout;
  }

  private async expect(command: readonly string[], input: string | null = null): Promise<string> {
    const result = await this.run(command, input);
    if (result.code !== 0) throw classifyFault(this.describe(command), result);
    return result.stdout;
  }

  private describe(command: readonly string[]): string {
    const { target } = this;
    const place =
      target.kind === 'ssh' ? ` on ${target.host}` : target.kind === 'netns' ? ` in ${target.namespace}` : '';
    return `${command.slice(0, 3).join(' ')}${place}`;
  }

  private async run(command: readonly string[], input: string | null = null): Promise<ProgramEnd> {
    const words = await this.words(command, input !== null);
    return runProgram({ what: this.describe(command), command: words, input: input ?? '', timeoutMilliseconds });
  }

  /**
   * nft opens /dev/stdin by name, which fails on the socket that Node and sshd give a child for its standard input: `cat`
   * turns it into a pipe.
   */
  private async words(plain: readonly string[], hasInput: boolean): Promise<readonly string[]> {
    const { target } = this;
    if (target.kind === 'ssh') {
      refuseOption(target.host);
      this.folder ??= writeKnownHosts(target.hostKey);
      const pipe = hasInput ? ['cat', '|'] : [];
      return [
        'ssh',
        ...commandOptions(target, await this.folder),
        '--',
        target.host,
        ...pipe,
        'env',
        ...environment,
        ...plain,
      ];
    }
    const command = hasInput ? ['sh', '-c', 'cat | "$@"', 'sh', ...plain] : plain;
    if (target.kind === 'local') return ['env', ...environment, ...command];
    refuseOption(target.namespace);
    return ['env', ...environment, 'ip', 'netns', 'exec', target.namespace, ...command];
  }
}

/** One login for the commands of a run; `close` ends it, and so does silence, if this process can't. */
function commandOptions(target: SshTarget, folder: string): string[] {
  const settings = ['ControlMaster=auto', `ControlPath=${path.join(folder, 'control')}`, 'ControlPersist=15'];
  return [...sshOptions(target, folder), ...settings.flatMap((setting) => ['-o', setting])];
}
