import type { NetworkInterfaceInfo } from 'node:os';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The addresses to listen on, each with a socket of its own. `0.0.0.0` stands for every IPv4 address of the machine and `::` for every
 * address: a socket that is bound to none of them would answer from whichever the kernel likes, and a switch does not take
 * a reply from another address than the one it asked.
 */
export function localAddresses(hosts: readonly string[], interfaces: Interfaces): string[] {
  const own = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.map(({ address, family, scopeid }) => ({
      // A link-local address is one only together with its interface (RFC 4007 §11).
      address: scopeid ? `${address}%${name}` : address,
      family,
    })),
  );
  const found = hosts.flatMap((host) =>
    isWildcard(host)
      ? own.filter(({ family }) => host === '::' || family === 'IPv4').map(({ address }) => address)
      : [host],
  );
  return [...new Set(found)];
}

export const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
