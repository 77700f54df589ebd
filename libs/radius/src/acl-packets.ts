import {
  formatAddress,
  formatService,
  hasPorts,
  isIcmp,
  rangeOfPrefix,
  serviceKey,
  type AclEntry,
  type ConcretePacket,
  type PacketMatch,
  type PacketSet,
  type PacketSpace,
} from '#net';

/** What a port ACL permits, as a set: the meaning that `matchAcl` asks one packet at a time. */
export function aclPackets(space: PacketSpace, entries: readonly AclEntry[]): PacketSet {
  return space.firstMatch(
    entries.map((entry) => ({ permits: entry.action === 'permit', matches: space.match(conditionsOf(entry)) })),
  );
}

function conditionsOf({
  family,
  protocol,
  sourcePorts,
  destination,
  destinationPorts,
  established,
}: AclEntry): PacketMatch {
  const top = protocol !== null && isIcmp(protocol) ? 0xff : 0xffff;
  const ports = destinationPorts ?? { first: 0, last: top };
  return {
    family,
    ...(protocol !== null && {
      services: [{ first: serviceKey(protocol, ports.first), last: serviceKey(protocol, ports.last) }],
    }),
    ...(sourcePorts && { sourcePorts: [sourcePorts] }),
    ...(destination && { destination: [rangeOfPrefix(destination)] }),
    ...(established && { established }),
  };
}

/** `tcp/443 from port 5 to 10.10.4.20, established`; what is 0 is mostly not looked at and so not said. */
export function formatPacket({ protocol, port, sourcePort, established, destination }: ConcretePacket): string {
  const [first, last] = hasPorts(protocol) || isIcmp(protocol) ? [port, port] : [0, 0xffff];
  const service = formatService({ first: serviceKey(protocol, first), last: serviceKey(protocol, last) }).join();
  const from = sourcePort > 0 ? ` from port ${sourcePort}` : '';
  return `${service}${from} to ${formatAddress(destination)}${established ? ', established' : ''}`;
}
