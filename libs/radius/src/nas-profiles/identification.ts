import { formatMacRadius } from '#net';
import { integerAttribute, ipv4Attribute, ipv6Attribute, textAttribute } from '../build.js';
import { types } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import type { SessionIdentification } from './profile.js';

/** The NAS itself (RFC 5176 §3): what it calls itself, whichever of the three it told. */
export function nasIdentification(session: SessionIdentification): Attribute[] {
  const out: Attribute[] = [];
  if (session.nasIpAddress) out.push(ipv4Attribute(types.nasIpAddress, session.nasIpAddress));
  if (session.nasIpv6Address) out.push(ipv6Attribute(types.nasIpv6Address, session.nasIpv6Address));
  if (session.nasIdentifier) out.push(textAttribute(types.nasIdentifier, session.nasIdentifier));
  return out;
}

/** The device, in the NAS's own spelling where we heard it: some compare text. */
export function stationIdentification(session: SessionIdentification): Attribute[] {
  const out = [textAttribute(types.callingStationId, session.callingStationId ?? formatMacRadius(session.mac))];
  if (session.acctSessionId) out.push(textAttribute(types.acctSessionId, session.acctSessionId));
  return out;
}

/** All that RFC 5176 §3 names and the NAS told us. */
export function standardIdentification(session: SessionIdentification): Attribute[] {
  const out = nasIdentification(session);
  if (session.userName) out.push(textAttribute(types.userName, session.userName));
  out.push(...stationIdentification(session));
  if (session.nasPort !== null) out.push(integerAttribute(types.nasPort, session.nasPort));
  if (session.nasPortId) out.push(textAttribute(types.nasPortId, session.nasPortId));
  return out;
}
