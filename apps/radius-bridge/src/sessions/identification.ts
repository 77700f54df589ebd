import type { Mac } from '#net';
import type { RequestContext, SessionIdentification } from '#radius';

/** What a request says of its session: its context, or a copy of that. */
export type HeardIdentification = Omit<SessionIdentification, 'mac'>;

/** How a request names its session: kept with it, because CoA has to say it in the same words. */
export function identificationOf(context: HeardIdentification, mac: Mac): SessionIdentification {
  return {
    mac,
    userName: context.userName,
    callingStationId: context.callingStationId,
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

/** NAS-Port-Type Wireless-Other or Wireless-802.11 (RFC 2865 §5.41); an SSID says so as well. */
export const isWireless = (ssid: string | null, nasPortType: number | null = null): boolean =>
  ssid !== null || nasPortType === 18 || nasPortType === 19;

const unsaid = (known: unknown, heard: unknown): boolean => heard === null || heard === known;

function addsNothing(known: SessionIdentification, heard: HeardIdentification): boolean {
  return (
    unsaid(known.userName, heard.userName) &&
    unsaid(known.callingStationId, heard.callingStationId) &&
    unsaid(known.acctSessionId, heard.acctSessionId) &&
    unsaid(known.auditSessionId, heard.auditSessionId) &&
    unsaid(known.nasIpAddress, heard.nasIpAddress) &&
    unsaid(known.nasIpv6Address, heard.nasIpv6Address) &&
    unsaid(known.nasIdentifier, heard.nasIdentifier) &&
    unsaid(known.nasPort, heard.nasPort) &&
    unsaid(known.nasPortId, heard.nasPortId)
  );
}

/** What a later request adds to what is known: a request that leaves something out does not take it back. */
export function mergeIdentification(known: SessionIdentification, heard: HeardIdentification): SessionIdentification {
  if (addsNothing(known, heard)) return known;
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
