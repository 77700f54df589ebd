import { readFileSync } from 'node:fs';
import { run, waitFor, type Daemon, type Daemons } from './process.ts';

const namespace = 'fw';
const table = ['inet', 'cordon'];

/** The segment firewall, looked at with its own tools: what nft and conntrack say, never what Cordon believes. */
export class Firewall {
  private readonly log: Daemon;

  private constructor(log: Daemon) {
    this.log = log;
  }

  /** `group`: the NFLOG group to which Cordon's rules log. */
  static async watch(daemons: Daemons, group: number): Promise<Firewall> {
    const command = ['tcpdump', '-i', `nflog:${group}`, '-l', '-n', '-t', '--immediate-mode'];
    const log = daemons.start('firewall-log', command, { namespace });
    await log.saying('listening on');
    return new Firewall(log);
  }

  async nft(...words: string[]): Promise<string> {
    return run(['nft', ...words], { namespace, mayFail: true });
  }

  /** Our table as text; empty when there is none. */
  async ruleset(): Promise<string> {
    return this.nft('list', 'table', ...table);
  }

  /** Waits until the sets hold all of these addresses. */
  async knows(addresses: readonly string[], milliseconds = 20_000): Promise<void> {
    await waitFor(`the firewall to know ${addresses.join(' and ')}`, milliseconds, async () => {
      const words = new Set((await this.ruleset()).split(/[\s,]+/));
      return addresses.every((address) => words.has(address));
    });
  }

  /** Packets of a named counter. */
  async counted(name: string): Promise<number> {
    const found = /packets (\d+)/.exec(await this.nft('list', 'counter', ...table, name));
    return Number(found?.[1] ?? 0);
  }

  /** Tracked connections that an address opened or is the target of. */
  async connections(address: string): Promise<string[]> {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const all = await run(['conntrack', '-L', '-f', family], { namespace, mayFail: true });
    return all.split('\n').filter((line) => line.includes(`src=${address} `));
  }

  /** The drop of a packet between these two has been logged. */
  async logged(from: string, to: string, port: number, milliseconds = 2_000): Promise<boolean> {
    const literal = (address: string): string => address.replaceAll('.', '\\.');
    const wanted = new RegExp(`${literal(from)}\\.\\d+ > ${literal(to)}\\.${port}\\b`);
    const look = (): boolean => wanted.test(readFileSync(this.log.logFile, 'utf8'));
    return waitFor('a log line', milliseconds, look).catch(() => false);
  }
}
