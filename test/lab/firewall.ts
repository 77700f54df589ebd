import { readFileSync } from 'node:fs';
import { run, waitFor, type Daemon, type Daemons } from './process.ts';

const namespace = 'fw';
const table = ['inet', 'cordon'];

/** `/etc/nftables.conf` as the README of the driver advises: nothing is forwarded until Cordon has been there. */
export const bootRules = `table inet cordon {
  chain forward {
    type filter hook forward priority filter; policy drop;
    drop
  }
}
`;

/** nft opens its standard input by name, which fails on the socket that Node gives. */
const loadRules = ['sh', '-c', 'cat | nft -f -'];

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

  /** What the kernel of a gateway that starts anew does not have: rules, connections. */
  async forgetAll(): Promise<void> {
    await this.nft('flush', 'ruleset');
    await run(['conntrack', '-F'], { namespace, mayFail: true });
  }

  /** As `systemctl restart nftables` does it: these rules and no others, from one instant to the next. */
  async load(rules: string): Promise<void> {
    await run(loadRules, { namespace, input: `flush ruleset\n${rules}` });
  }

  /**
   * A reboot, as far as a network sees one: for a time nothing is forwarded and nobody can log in, then there are no connections, and no rules but
   * those of the start. Processes in the namespace live on, and so do addresses and cables.
   */
  async reboot(rules: string, milliseconds: number): Promise<void> {
    const keeper = (await run(['ip', 'netns', 'pids', namespace])).split('\n')[0]!;
    const inside = ['nsenter', '-t', keeper, '-n'];
    const forward = async (is: 0 | 1): Promise<string> =>
      run([...inside, 'sysctl', '-q', '-w', `net.ipv4.ip_forward=${is}`, `net.ipv6.conf.all.forwarding=${is}`]);
    await forward(0);
    await this.forgetAll();
    await run(['ip', 'netns', 'del', namespace]);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await run([...inside, ...loadRules], { input: rules });
    await forward(1);
    await run(['ip', 'netns', 'attach', namespace, keeper]);
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
