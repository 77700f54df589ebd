import { formatMacRadius } from '#net';
import { ciscoAvPairAttribute, integerAttribute, ipv4Attribute, ipv6Attribute, textAttribute } from '../build.js';
import { types } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import type { SessionIdentification } from './profile.js';

/** Attributes by which a NAS and a session can be named (RFC 5176 §3). */
export const sessionParts = [
  'NAS-IP-Address',
  'NAS-IPv6-Address',
  'NAS-Identifier',
  'User-Name',
  'Calling-Station-Id',
  'Acct-Session-Id',
  'NAS-Port',
  'NAS-Port-Id',
  'audit-session-id',
] as const;
export type SessionPart = (typeof sessionParts)[number];

/** The NAS itself: what it calls itself, whichever of the three it told. */
export const nasParts = ['NAS-IP-Address', 'NAS-IPv6-Address', 'NAS-Identifier'] as const satisfies SessionPart[];

/** All that RFC 5176 §3 names. */
export const standardParts = [
  ...nasParts,
  'User-Name',
  'Calling-Station-Id',
  'Acct-Session-Id',
  'NAS-Port',
  'NAS-Port-Id',
] as const satisfies SessionPart[];

/**
 * The attributes that name a session: of `parts`, in order, those that the NAS told us. The device is always named, in the NAS's own
 * spelling where we heard it, since some compare text.
 */
export function identifyBy(parts: readonly SessionPart[]): (session: SessionIdentification) => Attribute[] {
  return (session) => parts.flatMap((part) => writers[part](session));
}

const text = (type: number, value: string | null): Attribute[] => (value ? [textAttribute(type, value)] : []);

const writers: Readonly<Record<SessionPart, (session: SessionIdentification) => Attribute[]>> = {
  'NAS-IP-Address': ({ nasIpAddress }) => (nasIpAddress ? [ipv4Attribute(types.nasIpAddress, nasIpAddress)] : []),
  'NAS-IPv6-Address': ({ nasIpv6Address }) =>
    nasIpv6Address ? [ipv6Attribute(types.nasIpv6Address, nasIpv6Address)] : [],
  'NAS-Identifier': ({ nasIdentifier }) => text(types.nasIdentifier, nasIdentifier),
  'User-Name': ({ userName }) => text(types.userName, userName),
  'Calling-Station-Id': (session) => text(types.callingStationId, stationOf(session)),
  'Acct-Session-Id': ({ acctSessionId }) => text(types.acctSessionId, acctSessionId),
  'NAS-Port': ({ nasPort }) => (nasPort === null ? [] : [integerAttribute(types.nasPort, nasPort)]),
  'NAS-Port-Id': ({ nasPortId }) => text(types.nasPortId, nasPortId),
  'audit-session-id': ({ auditSessionId }) =>
    auditSessionId ? [ciscoAvPairAttribute(`audit-session-id=${auditSessionId}`)] : [],
};

export const stationOf = ({ callingStationId, mac }: SessionIdentification): string =>
  callingStationId ?? formatMacRadius(mac);
