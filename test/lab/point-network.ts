import { run } from './process.ts';
import { ip, link, sysctl } from './topology.ts';

/*
 *   NAME-dev eth0 ────── devices │ NAME-gw │ servers ────── eth0 NAME-srv
 *
 * Devices and servers at one enforcement point, with nothing else between them. Each network has its own namespaces, so that many may have the
 * same addresses.
 */
export interface PointHosts {
  readonly devices: readonly string[];
  readonly servers: readonly string[];
}

const sides = [
  { cable: 'devices', v4: '10.255.1', v6: 'fd00:ff01' },
  { cable: 'servers', v4: '10.255.2', v6: 'fd00:ff02' },
] as const;

export class PointNetwork {
  readonly devices: string;
  readonly gateway: string;
  readonly servers: string;

  private constructor(name: string) {
    this.devices = `${name}-dev`;
    this.gateway = `${name}-gw`;
    this.servers = `${name}-srv`;
  }

  /** The point is a router. */
  static async routed(name: string, hosts: PointHosts): Promise<PointNetwork> {
    const network = await PointNetwork.cabled(name, hosts);
    await sysctl(network.gateway, { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
    for (const { cable, v4, v6 } of sides) {
      const host = network[cable];
      await ip(network.gateway, [
        `addr add ${v4}.1/30 dev ${cable}`,
        `addr add ${v6}::1/64 dev ${cable} nodad`,
        ...hosts[cable].map((address) => `route add ${address} via ${address.includes(':') ? `${v6}::2` : `${v4}.2`}`),
      ]);
      await ip(host, [
        `addr add ${v4}.2/30 dev eth0`,
        `addr add ${v6}::2/64 dev eth0 nodad`,
        `route add default via ${v4}.1`,
        `route add default via ${v6}::1`,
      ]);
    }
    return network;
  }

  /** The point is a bridge, which is yours to make of the cables `devices` and `servers`: both ends are on one link. */
  static async switched(name: string, hosts: PointHosts): Promise<PointNetwork> {
    const network = await PointNetwork.cabled(name, hosts);
    for (const { cable } of sides) {
      await ip(network[cable], ['route add default dev eth0', 'route add ::/0 dev eth0']);
      // a bridge in user space sees packets as they are sent, before hardware would fill in their checksums
      await run(['ethtool', '-K', 'eth0', 'tx', 'off'], { namespace: network[cable] });
    }
    return network;
  }

  private static async cabled(name: string, hosts: PointHosts): Promise<PointNetwork> {
    const network = new PointNetwork(name);
    const { devices, gateway, servers } = network;
    await ip(
      null,
      [devices, gateway, servers].map((each) => `netns add ${each}`),
    );
    await ip(null, [...link(gateway, 'devices', devices, 'eth0'), ...link(gateway, 'servers', servers, 'eth0')]);
    await ip(gateway, ['link set lo up', 'link set devices up', 'link set servers up']);
    for (const { cable } of sides) {
      await ip(network[cable], [
        'link set lo up',
        'link set eth0 up',
        ...hosts[cable].map(
          (address) => `addr add ${address}${address.includes(':') ? '/128 dev eth0 nodad' : '/32 dev eth0'}`,
        ),
      ]);
    }
    return network;
  }
}
