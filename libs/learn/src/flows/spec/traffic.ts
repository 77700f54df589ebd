import { formatAddress, hasPorts, portOf, protocolOf, type Address, type AddressSet, type ServiceSet } from '#net';
import { segmentIn, type AccessGrant, type Snapshot } from '#policy';

/** A device of the inventory, with the class whose rules hold where it is. */
export interface TrafficDevice {
  readonly id: string;
  readonly class: string;
  readonly site: string;
  readonly posture: string;
  readonly role: string;
  readonly addresses: readonly Address[];
}

/** So many devices for each of these roles, each where some grant places it, with an address of both families. */
export function devicesOf(snapshot: Snapshot, roles: readonly string[], each: number): TrafficDevice[] {
  let number = 0;
  return roles.flatMap((role) => {
    const grant = grantOf(snapshot, role);
    if (!grant) return [];
    const { v4, v6 } = segmentIn(snapshot, grant.segment, grant.site)!.prefixes;
    return Array.from({ length: each }, (): TrafficDevice => {
      const step = BigInt(++number + 16);
      return {
        id: `device-${number}`,
        class: grant.class,
        site: grant.site,
        posture: grant.posture,
        role,
        addresses: [
          { family: 4, value: v4[0]!.first + step },
          { family: 6, value: v6[0]!.first + step },
        ],
      };
    });
  });
}

/** The role's own class where it is placed as itself. */
function grantOf({ accessTable }: Snapshot, role: string): AccessGrant | undefined {
  const found = accessTable.filter((grant) => grant.role === role);
  return found.find((grant) => grant.class === role) ?? found[0];
}

export function inventoryText(devices: readonly TrafficDevice[]): string {
  const rows = devices.map(({ id, class: name, site, posture, addresses }) =>
    [id, name, site, posture, addresses.map(formatAddress).join(';')].join(),
  );
  return ['id,class,site,posture,ip', ...rows].join('\n');
}

export const flowHeader = 'first,last,source,destination,protocol,port,packets,bytes';

/** A record of Cordon's CSV. `at`: milliseconds. */
export function flowRow(source: Address, destination: Address, service: number, at: number): string {
  const [first, last] = [at, at + 900].map((time) => new Date(time).toISOString());
  const protocol = protocolOf(service);
  const port = hasPorts(protocol) || portOf(service) > 0 ? portOf(service) : '';
  return `${first},${last},${formatAddress(source)},${formatAddress(destination)},${protocol},${port},4,400`;
}

export const eachService = (services: ServiceSet): number[] =>
  services.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, step) => first + step));

/** Null: there are more than anybody would list. */
export function eachAddress({ v4, v6 }: AddressSet): Address[] | null {
  const ranges = [
    ...v4.map((range) => ({ family: 4 as const, ...range })),
    ...v6.map((range) => ({ family: 6 as const, ...range })),
  ];
  if (ranges.some(({ first, last }) => last - first > 64n)) return null;
  return ranges.flatMap(({ family, first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, step) => ({ family, value: first + BigInt(step) })),
  );
}
