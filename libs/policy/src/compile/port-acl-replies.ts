import {
  protocols,
  serviceKey,
  splitByProtocol,
  type AddressSet,
  type Interval,
  type PacketRegion,
  type ProtocolPorts,
  type ServiceSet,
} from '#net';

const echoReply = new Map<number, { request: number; reply: number }>([
  [protocols.icmp, { request: 8, reply: 0 }],
  [protocols.icmp6, { request: 128, reply: 129 }],
]);

/**
 * A UDP reply is told by its source port alone, so each such port is one from which the device may open connections to that
 * far side. A media range is tolerable; all of UDP, or all but a few ports, would be no ACL any more.
 */
const mostReplyPorts = 16_384;

export interface Replies {
  readonly regions: readonly PacketRegion[];
  /** Whether some replies can't be told from connections that the device opens, and so get no entry. */
  readonly isIncomplete: boolean;
}

/** The device's packets within connections that the far side opens to these services of it. */
export function repliesTo(addresses: AddressSet, services: ServiceSet): Replies {
  const parts = services.flatMap(splitByProtocol);
  const isTooWide = portsWithoutState(parts) > mostReplyPorts;
  const found = parts.map((part) => (hasState(part) || !isTooWide ? replyRegions(addresses, part) : null));
  return { regions: found.flatMap((regions) => regions ?? []), isIncomplete: found.includes(null) };
}

const hasState = ({ protocol }: ProtocolPorts): boolean => protocol !== protocols.udp && protocol !== protocols.sctp;

function portsWithoutState(parts: readonly ProtocolPorts[]): number {
  const widths = parts
    .filter((part) => !hasState(part))
    .map(({ ports }) => (ports ? ports.last - ports.first + 1 : 0x1_0000));
  return widths.reduce((sum, width) => sum + width, 0);
}

/** Null: can't be told from new connections. */
function replyRegions(addresses: AddressSet, { protocol, ports }: ProtocolPorts): readonly PacketRegion[] | null {
  if (protocol === protocols.tcp)
    return [{ addresses, services: [whole(protocol)], sourcePorts: ports && [ports], established: true }];
  if (protocol === protocols.udp || protocol === protocols.sctp)
    return ports ? [{ addresses, services: [whole(protocol)], sourcePorts: [ports] }] : null;
  const echo = echoReply.get(protocol);
  if (!echo) return null;
  if (ports && (ports.first > echo.request || ports.last < echo.request)) return [];
  const reply = serviceKey(protocol, echo.reply);
  return [{ addresses, services: [{ first: reply, last: reply }] }];
}

const whole = (protocol: number): Interval<number> => ({
  first: serviceKey(protocol, 0),
  last: serviceKey(protocol, 0xffff),
});
