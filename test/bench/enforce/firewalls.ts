import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const tools = ['ip', 'nft', 'conntrack'];

/** Null: firewalls can be real here. */
export function whySimulated(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = tools.filter((tool) => {
    try {
      execFileSync('which', [tool], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  return missing.length === 0 ? null : `${missing.join(', ')} missing`;
}

/** A network namespace of our own for the firewall of each site; nothing outside them is touched. */
export class Firewalls {
  private readonly names: string[] = [];

  constructor(count: number) {
    for (let n = 0; n < count; n++) {
      const name = `cordon-bench-${process.pid}-${n + 1}`;
      execFileSync('ip', ['netns', 'add', name]);
      this.names.push(name);
    }
  }

  name(site: number): string {
    return this.names[site]!;
  }

  /** IPv4 addresses that are in some set of a class there: what the kernel says, and nobody else. */
  async members(site: number): Promise<Set<string>> {
    const command = ['netns', 'exec', this.name(site), 'nft', '-j', 'list', 'sets', 'table', 'inet', 'cordon'];
    const { stdout } = await run('ip', command, { maxBuffer: 256 << 20 });
    const { nftables } = JSON.parse(stdout) as {
      nftables: { set?: { name: string; type: string; elem?: unknown[] } }[];
    };
    const found = new Set<string>();
    for (const { set } of nftables) {
      if (!set || !set.name.endsWith('_4') || set.name.startsWith('in_scope_')) continue;
      for (const element of set.elem ?? []) if (typeof element === 'string') found.add(element);
    }
    return found;
  }

  close(): void {
    for (const name of this.names) execFileSync('ip', ['netns', 'del', name]);
  }
}
