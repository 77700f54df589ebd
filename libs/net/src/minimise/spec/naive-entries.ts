import {
  addressSet,
  families,
  familyOf,
  noAddresses,
  prefixesOfRange,
  rangesOf,
  type AddressSet,
  type Family,
} from '../../address.js';
import type { AclEntry } from '../../acl.js';
import { firstMatchPrefixes } from '../../first-match.js';
import { isIcmp, protocolOf, protocols, serviceAlgebra, splitByProtocol, type ServiceSet } from '../../service.js';
import { sweep } from '../../sweep.js';
import type { PacketRegion } from '../abilities.js';

/*
 * Two plain ways to write a list, to compare with. The first groups services by equal addresses and takes the shortest list
 * of prefixes for each service; the second is how Capirca and its like optimise: for each term one line for each collapsed
 * prefix and each port range.
 */

type Match = Omit<AclEntry, 'family' | 'destination'>;
const permit = { action: 'permit', sourcePorts: null, destinationPorts: null, established: false } as const;
const familiesOf = (protocol: number): readonly Family[] =>
  protocol === protocols.icmp ? [4] : protocol === protocols.icmp6 ? [6] : families;

export function groupedEntries(regions: readonly PacketRegion[]): AclEntry[] {
  const isOpening = ({ sourcePorts, established }: PacketRegion): boolean => !sourcePorts && !established;
  return [...regions.filter((region) => !isOpening(region)).flatMap(replies), ...openings(regions.filter(isOpening))];
}

export function entriesOfTerms(regions: readonly PacketRegion[]): AclEntry[] {
  return regions.flatMap((region) => {
    const prefixes = rangesOf(region.addresses).flatMap((range) => prefixesOfRange(range));
    return matchesOf(region).flatMap((match) =>
      prefixes
        .filter(({ family }) => familiesOf(match.protocol!).includes(family))
        .map((prefix): AclEntry => ({ ...match, family: prefix.family, destination: prefix })),
    );
  });
}

const replies = (region: PacketRegion): AclEntry[] => entriesOfTerms([region]);

function matchesOf({ services, sourcePorts, established = false }: PacketRegion): Match[] {
  return matches(services).flatMap((match) =>
    (sourcePorts ?? [null]).map((ports) => ({ ...match, sourcePorts: ports, established })),
  );
}

const matches = (services: ServiceSet): Match[] =>
  services.flatMap(splitByProtocol).map(({ protocol, ports }) => {
    const destinationPorts =
      ports && isIcmp(protocol) ? { first: ports.first, last: Math.min(ports.last, 255) } : ports;
    return { ...permit, protocol, destinationPorts };
  });

const manyProtocols = 8;

function openings(regions: readonly PacketRegion[]): AclEntry[] {
  const groups = groupByService(regions);
  const isWide = ({ services }: Group): boolean =>
    services.some(({ first, last }) => protocolOf(last) - protocolOf(first) > manyProtocols);
  const wide = groups.filter(isWide);
  if (wide.length === 0) return groups.flatMap((group) => groupLines(group, false));
  const [last, ...others] = wide;
  const narrow = [...groups.filter((group) => !isWide(group)), ...others];
  const unused = serviceAlgebra.subtract(
    [{ first: 0, last: 0xff_ffff }],
    serviceAlgebra.normalize(groups.flatMap(({ services }) => [...services])),
  );
  const closed = unused.length > 0 ? groupLines({ services: unused, addresses: noAddresses }, true) : [];
  const any = { ...permit, protocol: null };
  return [
    ...narrow.flatMap((group) => groupLines(group, true)),
    ...closed,
    ...firstMatchLines(any, last!.addresses, families, false),
  ];
}

interface Group {
  readonly services: ServiceSet;
  readonly addresses: AddressSet;
}

function groupByService(regions: readonly PacketRegion[]): Group[] {
  const lists = regions.map(({ services }) => services);
  const joined = new Map<string, { services: { first: number; last: number }[]; addresses: AddressSet }>();
  for (const { first, last, members } of sweep(lists, 1)) {
    const addresses = addressSet(members.flatMap((i) => rangesOf(regions[i]!.addresses)));
    const key = rangesOf(addresses)
      .map((range) => `${range.family} ${range.first} ${range.last}`)
      .join();
    const group = joined.get(key);
    if (group) group.services.push({ first, last });
    else joined.set(key, { services: [{ first, last }], addresses });
  }
  return [...joined.values()].map(({ services, addresses }) => ({
    services: serviceAlgebra.normalize(services),
    addresses,
  }));
}

/** `closed`: end with an explicit deny of these services, because a line for all protocols follows. */
const groupLines = ({ services, addresses }: Group, closed: boolean): AclEntry[] =>
  matches(services).flatMap((match) => firstMatchLines(match, addresses, familiesOf(match.protocol!), closed));

function firstMatchLines(match: Match, addresses: AddressSet, wanted: readonly Family[], closed: boolean): AclEntry[] {
  return wanted.flatMap((family) => {
    const found = firstMatchPrefixes(family, familyOf(addresses, family)).map(({ action, prefix }): AclEntry => ({
      ...match,
      action,
      family,
      destination: prefix.length === 0 ? null : prefix,
    }));
    const isOpenEnded = found.at(-1)?.destination !== null;
    return closed && isOpenEnded ? [...found, { ...match, action: 'deny', family, destination: null }] : found;
  });
}
