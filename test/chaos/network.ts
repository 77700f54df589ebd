import { run } from '../lab/process.ts';
import { addressesOf, devicePlans, servers, serverPorts, vlans, type Site } from './hospital.ts';
import { Agent } from './agent.ts';

/*
 *   main-dev e0 ── v1 fw  v2 ── e0 main-srv          branch-dev e0 ── v1 sw (br0) v2 ── e0 branch-srv
 *                   │ m0 10.99.1.2                                  │ m0 10.99.2.2
 *   controller, bridges, switches ── 10.99.1.1 ─────────────────────┴── 10.99.2.1
 *
 * All in the sandbox of run.ts. The firewall routes; the bridge is one link, in user space.
 */

const managed = {
  main: { host: '10.99.1.2', own: '10.99.1.1' },
  branch: { host: '10.99.2.2', own: '10.99.2.1' },
} as const;
const gateways = { main: 'fw', branch: 'sw' } as const;

export const hostOf = (site: Site): string => managed[site].host;

const ip = (namespace: string | null, lines: readonly string[]): Promise<string> =>
  run(['ip', ...(namespace === null ? [] : ['-n', namespace]), '-batch', '-'], { input: `${lines.join('\n')}\n` });

async function buildSite(site: Site): Promise<void> {
  const gateway = gateways[site];
  const { host, own } = managed[site];
  await ip(null, [`netns add ${gateway}`, `netns add ${site}-dev`, `netns add ${site}-srv`]);
  await ip(null, [
    `link add v1 netns ${gateway} type veth peer name e0 netns ${site}-dev`,
    `link add v2 netns ${gateway} type veth peer name e0 netns ${site}-srv`,
    `link add m-${site} type veth peer name m0 netns ${gateway}`,
    `addr add ${own}/24 dev m-${site}`,
    `link set m-${site} up`,
  ]);
  await ip(gateway, [
    'link set lo up',
    'link set v1 up',
    'link set v2 up',
    `addr add ${host}/24 dev m0`,
    'link set m0 up',
  ]);
  const deviceAddresses = devicePlans
    .filter(({ nas }) => nas.site === site)
    .flatMap((plan) => Object.values(vlans).flatMap((vlan) => Object.values(addressesOf(plan, vlan))));
  const serverAddresses = Object.values(servers).flatMap((server) => Object.values(server));
  for (const [n, end, addresses] of [
    [1, `${site}-dev`, deviceAddresses],
    [2, `${site}-srv`, serverAddresses],
  ] as const) {
    await ip(end, [
      'link set lo up',
      'link set e0 up',
      ...addresses.map((address) => `addr add ${address}${address.includes(':') ? '/128 dev e0 nodad' : '/32 dev e0'}`),
    ]);
    if (site === 'main') await routeTo(n, end, addresses);
    else {
      await ip(end, ['route add default dev e0', 'route add ::/0 dev e0']);
      // A switch in user space sees packets as they are sent, before hardware would fill in their checksums.
      await run(['ethtool', '-K', 'e0', 'tx', 'off'], { namespace: end });
    }
  }
}

async function routeTo(n: number, end: string, addresses: readonly string[]): Promise<void> {
  await ip('fw', [
    `addr add 10.255.${n}.1/30 dev v${n}`,
    `addr add fd00:ff0${n}::1/64 dev v${n} nodad`,
    ...addresses.map((a) => `route add ${a} via ${a.includes(':') ? `fd00:ff0${n}::2` : `10.255.${n}.2`}`),
  ]);
  await ip(end, [
    `addr add 10.255.${n}.2/30 dev e0`,
    `addr add fd00:ff0${n}::2/64 dev e0 nodad`,
    `route add default via 10.255.${n}.1`,
    `route add ::/0 via fd00:ff0${n}::1`,
  ]);
}

/** Networks of both sites with somebody who sends and somebody who answers. */
export class Network {
  readonly devices: Readonly<Record<Site, Agent>>;
  private readonly ends: readonly Agent[];

  private constructor(agents: Readonly<Record<Site, Agent>>, ends: readonly Agent[]) {
    this.devices = agents;
    this.ends = ends;
  }

  static async build(): Promise<Network> {
    await run(['mount', '-t', 'tmpfs', 'netns', '/run/netns']);
    await ip(null, ['link set lo up']);
    await Promise.all([buildSite('main'), buildSite('branch')]);
    await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'], { namespace: 'fw' });
    const [main, branch] = [new Agent('main-dev'), new Agent('branch-dev')];
    const ends = [new Agent('main-srv'), new Agent('branch-srv')];
    for (const end of ends)
      for (const { v4, v6 } of Object.values(servers))
        for (const address of [v4, v6]) for (const port of serverPorts) await end.ask('listen', { address, port });
    return new Network({ main, branch }, [main, branch, ...ends]);
  }

  /** The cable of the management network. */
  async plug(site: Site, isIn: boolean): Promise<void> {
    await run(['ip', 'link', 'set', `m-${site}`, isIn ? 'up' : 'down']);
  }

  close(): void {
    for (const end of this.ends) end.stop();
  }
}

/** Packets that this machine drops on their way out, by name; nothing of Cordon's is on this side. */
export class Partitions {
  async start(): Promise<void> {
    await loadNft(null, `table inet partitions { chain out { type filter hook output priority 0; policy accept; }; }`);
  }

  /** `match`: as nft says it. */
  async cut(name: string, match: string): Promise<void> {
    await loadNft(null, `add rule inet partitions out ${match} drop comment "${name}"`);
  }

  async mend(name: string): Promise<void> {
    const list = await run(['nft', '-a', 'list', 'chain', 'inet', 'partitions', 'out']);
    for (const [, handle] of list.matchAll(new RegExp(`comment "${name}" # handle (\\d+)`, 'g')))
      await loadNft(null, `delete rule inet partitions out handle ${handle}`);
  }
}

export const loadNft = (namespace: string | null, commands: string): Promise<string> =>
  run(['sh', '-c', 'cat | nft -f -'], { input: `${commands}\n`, ...(namespace === null ? {} : { namespace }) });
