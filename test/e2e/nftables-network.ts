import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { conformanceNetwork } from '../../libs/drivers/src/conformance-states.js';

/*
 *   devices ──── 10.255.1.0/30, fd00:ff01::/64 ──── firewall ──── 10.255.2.0/30, fd00:ff02::/64 ──── servers
 *   pump, stranger, printer                         nft, conntrack                        server, internet
 */

const { pump, stranger, printer, server, internet, ports } = conformanceNetwork;

export const run = (command: string): string => {
  const [program = '', ...args] = command.split(' ');
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
};

/** What this test needs of the machine and doesn't find. */
export function missingTools(): string[] {
  const missing = ['nft', 'conntrack', 'ip', 'sshd', 'ssh', 'ssh-keygen', 'ping'].filter((tool) => {
    try {
      run(`which ${tool}`);
      return false;
    } catch {
      return true;
    }
  });
  return process.getuid?.() === 0 ? missing : ['root', ...missing];
}

type Operation = 'listen' | 'send' | 'open' | 'echo' | 'push' | 'received' | 'close';

/** A process inside a namespace that sends and echoes. */
export class Agent {
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, (answer: { value?: unknown; error?: string }) => void>();
  private last = 0;

  constructor(namespace: string) {
    const script = path.join(import.meta.dirname, 'packet-agent.ts');
    this.child = spawn('ip', ['netns', 'exec', namespace, process.execPath, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    readline.createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line) as { id: number; value?: unknown; error?: string };
      this.pending.get(answer.id)?.(answer);
      this.pending.delete(answer.id);
    });
  }

  async ask<T>(op: Operation, order: object): Promise<T> {
    const id = ++this.last;
    const answer = await new Promise<{ value?: unknown; error?: string }>((resolve) => {
      this.pending.set(id, resolve);
      this.child.stdin!.write(`${JSON.stringify({ id, op, wait: 500, ...order })}\n`);
    });
    if (answer.error !== undefined) throw new Error(`${op}: ${answer.error}`);
    return answer.value as T;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin!.end();
    await ended;
  }
}

/** Three namespaces of our own; nothing outside them is changed. */
export class TestNetwork {
  readonly firewall: string;
  readonly devices: Agent;
  readonly servers: Agent;
  private readonly names: readonly string[];

  private constructor(tag: string) {
    const name = (part: string): string => `cordon-${process.pid}-${tag}-${part}`;
    this.firewall = name('fw');
    this.names = [this.firewall, name('dev'), name('srv')];
    for (const name of this.names) {
      run(`ip netns add ${name}`);
      run(`ip -n ${name} link set lo up`);
    }
    for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
      run(`ip netns exec ${this.firewall} sysctl -qw ${setting}`);
    this.attach(1, name('dev'), [...pump, ...stranger, ...printer]);
    this.attach(2, name('srv'), [...server, ...internet]);
    this.devices = new Agent(name('dev'));
    this.servers = new Agent(name('srv'));
  }

  static async create(tag: string): Promise<TestNetwork> {
    const network = new TestNetwork(tag);
    for (const port of ports) {
      for (const address of [...pump, ...stranger, ...printer]) await network.devices.ask('listen', { address, port });
      for (const address of [...server, ...internet]) await network.servers.ask('listen', { address, port });
    }
    return network;
  }

  private attach(link: number, namespace: string, addresses: readonly string[]): void {
    const fw = this.firewall;
    run(`ip link add v${link} netns ${fw} type veth peer name e0 netns ${namespace}`);
    run(`ip -n ${fw} addr add 10.255.${link}.1/30 dev v${link}`);
    run(`ip -n ${fw} addr add fd00:ff0${link}::1/64 dev v${link} nodad`);
    run(`ip -n ${namespace} addr add 10.255.${link}.2/30 dev e0`);
    run(`ip -n ${namespace} addr add fd00:ff0${link}::2/64 dev e0 nodad`);
    run(`ip -n ${fw} link set v${link} up`);
    run(`ip -n ${namespace} link set e0 up`);
    run(`ip -n ${namespace} route add default via 10.255.${link}.1`);
    run(`ip -n ${namespace} -6 route add default via fd00:ff0${link}::1`);
    for (const address of addresses) {
      const isV6 = address.includes(':');
      run(`ip -n ${namespace} addr add ${address}/${isV6 ? 128 : 32} dev e0${isV6 ? ' nodad' : ''}`);
      const via = isV6 ? `fd00:ff0${link}::2` : `10.255.${link}.2`;
      run(`ip -n ${fw} ${isV6 ? '-6 ' : ''}route add ${address} via ${via}`);
    }
  }

  nft(args: string): string {
    return run(`ip netns exec ${this.firewall} nft ${args}`);
  }

  /** From a file: the programs can't read the socket that Node gives a child as standard input. */
  load(program: 'nft -f' | 'nft -j -f' | 'conntrack -R', commands: string): void {
    const folder = mkdtempSync(path.join(tmpdir(), 'cordon-nft-'));
    writeFileSync(path.join(folder, 'commands'), commands);
    run(`ip netns exec ${this.firewall} ${program} ${path.join(folder, 'commands')}`);
    rmSync(folder, { recursive: true });
  }

  async dispose(): Promise<void> {
    await this.devices.stop();
    await this.servers.stop();
    for (const name of this.names) run(`ip netns del ${name}`);
  }
}
