import { families, familyOf, rangeOfPrefix } from '../../address.js';
import type { AclEntry } from '../../acl.js';
import type { PacketSet } from '../../packets/packet-set.js';
import type { PacketSpace } from '../../packets/packet-space.js';
import { anyService, serviceAlgebra, serviceKey } from '../../service.js';
import type { MatchLine, PacketRegion } from '../abilities.js';

/* The meaning of regions and lists in the algebra of packet sets, which the minimiser itself does not use. */

export function packetsOfRegions(space: PacketSpace, regions: readonly PacketRegion[]): PacketSet {
  return space.union(
    regions.flatMap(({ addresses, services, sourcePorts, established }) =>
      families.map((family) =>
        space.match({
          family,
          services,
          destination: familyOf(addresses, family),
          ...(sourcePorts && { sourcePorts }),
          ...(established && { established }),
        }),
      ),
    ),
  );
}

export function packetsOfLines(space: PacketSpace, lines: readonly MatchLine[]): PacketSet {
  return space.firstMatch(
    lines.map(({ action, family, protocols, sourcePorts, destination, destinationPorts, established }) => {
      const services = protocols?.flatMap((protocol) =>
        (destinationPorts ?? [{ first: 0, last: 0xffff }]).map(({ first, last }) => ({
          first: serviceKey(protocol, first),
          last: serviceKey(protocol, last),
        })),
      );
      return {
        permits: action === 'permit',
        matches: space.match({
          services: services ? serviceAlgebra.normalize(services) : anyService,
          ...(family !== null && { family }),
          ...(destination && { destination }),
          ...(sourcePorts && { sourcePorts }),
          ...(established && { established }),
        }),
      };
    }),
  );
}

export function lineOfEntry({ protocol, sourcePorts, destination, destinationPorts, ...rest }: AclEntry): MatchLine {
  const range = destination && rangeOfPrefix(destination);
  return {
    ...rest,
    protocols: protocol === null ? null : [protocol],
    sourcePorts: sourcePorts && [sourcePorts],
    destination: range && [{ first: range.first, last: range.last }],
    destinationPorts: destinationPorts && [destinationPorts],
  };
}
