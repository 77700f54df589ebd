import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { run } from './process.ts';
import type { NasPlan } from './plan.ts';

/** The site of the sample hospital that the lab builds. */
export const site = 'main';

export interface LabSegment {
  readonly name: string;
  readonly vlan: number;
  readonly v4: string;
  readonly v6: string;
}

interface SegmentYaml {
  readonly sites: Record<string, { readonly vlan: number; readonly prefixes: readonly string[] }>;
}
interface EndpointYaml {
  readonly addresses: readonly string[];
}
interface ApplicationYaml {
  readonly ports: readonly string[];
}

/** A git repository with a copy of the sample hospital, whose network is the lab's. */
export class PolicyRepository {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(source: string, folder: string, nas: readonly NasPlan[]): Promise<PolicyRepository> {
    cpSync(source, folder, { recursive: true });
    const repository = new PolicyRepository(folder);
    for (const file of repository.files('network')) rmSync(join(folder, file));
    repository.write('network/nas.yaml', stringify(Object.fromEntries(nas.map((n) => [n.name, nasYaml(n)]))));
    const point = { driver: 'nftables', site, transport: { kind: 'netns', namespace: 'fw' } };
    repository.write('network/enforcement-points.yaml', stringify({ 'main-fw': point }));
    await repository.git('init', '-q', '-b', 'main');
    await repository.commit('the sample hospital in the lab');
    return repository;
  }

  private async git(...args: string[]): Promise<string> {
    const identity = [
      '-c',
      'user.name=Lab Admin',
      '-c',
      'user.email=lab@hospital.example',
      '-c',
      'commit.gpgsign=false',
    ];
    return run(['git', ...identity, ...args], { cwd: this.folder });
  }

  /** The hash of the new commit. */
  async commit(message: string): Promise<string> {
    await this.git('add', '-A');
    await this.git('commit', '-q', '-m', message);
    return (await this.git('rev-parse', 'HEAD')).trim();
  }

  /** The branch as it is there, after others wrote to it. */
  async pull(from: string): Promise<void> {
    await this.git('pull', '-q', '--ff-only', from, 'main');
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  remove(file: string): void {
    rmSync(join(this.folder, file));
  }

  /** Writes files, null: removes one; gives what was there, to put back. */
  replace(files: Readonly<Record<string, string | null>>): Record<string, string | null> {
    const before = Object.keys(files).map((file) => [file, this.has(file) ? this.read(file) : null] as const);
    for (const [file, text] of Object.entries(files)) {
      if (text !== null) this.write(file, text);
      else if (this.has(file)) this.remove(file);
    }
    return Object.fromEntries(before);
  }

  private has(file: string): boolean {
    return existsSync(join(this.folder, file));
  }

  private files(folder: string): string[] {
    return readdirSync(join(this.folder, folder)).map((name) => join(folder, name));
  }

  /** Removes the only line of the rules that this matches; the previous text of its file, to put back. */
  removeRule(line: RegExp): { readonly file: string; readonly text: string; readonly removed: string } {
    for (const file of this.files('rules')) {
      const text = this.read(file);
      const removed = text.split('\n').find((candidate) => line.test(candidate));
      if (removed === undefined) continue;
      this.write(file, text.replace(`${removed}\n`, ''));
      return { file, text, removed };
    }
    throw new Error(`no rule of the policy matches ${String(line)}`);
  }

  private catalog<T>(name: string): Record<string, T> {
    return parse(this.read(`catalog/${name}.yaml`)) as Record<string, T>;
  }

  segments(): LabSegment[] {
    return Object.entries(this.catalog<SegmentYaml>('segments')).flatMap(([name, { sites }]) => {
      const here = sites[site];
      if (!here) return [];
      const v4 = here.prefixes.find((prefix) => !prefix.includes(':'));
      const v6 = here.prefixes.find((prefix) => prefix.includes(':'));
      if (v4 === undefined || v6 === undefined) throw new Error(`segment ${name} lacks a prefix of one family`);
      return [{ name, vlan: here.vlan, v4, v6 }];
    });
  }

  segment(name: string): LabSegment {
    const found = this.segments().find((segment) => segment.name === name);
    if (!found) throw new Error(`the policy has no segment \`${name}\` at site \`${site}\``);
    return found;
  }

  /** Lone addresses of all endpoints: these are the servers that the lab runs. */
  serverAddresses(): string[] {
    const all = Object.entries(this.catalog<EndpointYaml>('endpoints')).filter(([name]) => name !== 'internal');
    const addresses = all.flatMap(([, endpoint]) => endpoint.addresses ?? []);
    return [...new Set(addresses.filter((address) => !/[/-]/.test(address)))];
  }

  /** Address of an endpoint, per family. */
  endpoint(name: string): { readonly v4: string; readonly v6: string } {
    const addresses = this.catalog<EndpointYaml>('endpoints')[name]?.addresses ?? [];
    const v4 = addresses.find((address) => /^[\d.]+$/.test(address));
    const v6 = addresses.find((address) => address.includes(':') && !address.includes('/'));
    if (v4 === undefined || v6 === undefined)
      throw new Error(`endpoint \`${name}\` has no lone address of each family`);
    return { v4, v6 };
  }

  /** First TCP port of an application. */
  tcpPort(application: string): number {
    const ports = this.catalog<ApplicationYaml>('applications')[application]?.ports ?? [];
    const found = ports.map((text) => /^tcp\/(\d+)/.exec(text)?.[1]).find((port) => port !== undefined);
    if (found === undefined) throw new Error(`application \`${application}\` has no TCP port`);
    return Number(found);
  }

  /** Every TCP and UDP port that an application names (of a range, the first). */
  ports(): { readonly tcp: number[]; readonly udp: number[] } {
    const found = { tcp: new Set<number>(), udp: new Set<number>() };
    for (const { ports } of Object.values(this.catalog<ApplicationYaml>('applications'))) {
      for (const text of ports ?? []) {
        const [, protocol, port] = /^(tcp|udp)\/(\d+)/.exec(text) ?? [];
        if (protocol === 'tcp' || protocol === 'udp') found[protocol].add(Number(port));
      }
    }
    return { tcp: [...found.tcp], udp: [...found.udp] };
  }
}

const nasYaml = (nas: NasPlan): object => ({
  address: nas.address,
  site,
  profile: nas.profile,
  secret: `env:${nas.secretVariable}`,
  aclEntries: nas.aclEntries,
});
