import type { Mac } from '#net';
import { readText, types, type Packet, type RequestContext, type SessionIdentification } from '#radius';

/** How a request names its session: kept with it, because CoA has to say it in the same words. */
export function identificationOf(packet: Packet, context: RequestContext, mac: Mac): SessionIdentification {
  return {
    mac,
    userName: context.userName,
    callingStationId: readText(packet.attributes, types.callingStationId),
    acctSessionId: context.acctSessionId,
    auditSessionId: context.auditSessionId,
    nasIpAddress: context.nasIpAddress,
    nasIpv6Address: context.nasIpv6Address,
    nasIdentifier: context.nasIdentifier,
    nasPort: context.nasPort,
    nasPortId: context.nasPortId,
  };
}

/** RFC 2869 §5.17: NAS-Port-Id names the port where NAS-Port can't. */
export function portOf({ nasPortId, nasPort }: Pick<RequestContext, 'nasPortId' | 'nasPort'>): string | null {
  return nasPortId ?? (nasPort === null ? null : String(nasPort));
}

/** What a later request adds to what is known: a request that leaves something out does not take it back. */
export function mergeIdentification(known: SessionIdentification, heard: SessionIdentification): SessionIdentification {
  return {
    mac: known.mac,
    userName: heard.userName ?? known.userName,
    callingStationId: heard.callingStationId ?? known.callingStationId,
    acctSessionId: heard.acctSessionId ?? known.acctSessionId,
    auditSessionId: heard.auditSessionId ?? known.auditSessionId,
    nasIpAddress: heard.nasIpAddress ?? known.nasIpAddress,
    nasIpv6Address: heard.nasIpv6Address ?? known.nasIpv6Address,
    nasIdentifier: heard.nasIdentifier ?? known.nasIdentifier,
    nasPort: heard.nasPort ?? known.nasPort,
    nasPortId: heard.nasPortId ?? known.nasPortId,
  };
}
