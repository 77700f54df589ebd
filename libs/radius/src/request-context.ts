import { parseMac, type Mac } from '#net';
import {
  decodeAddress,
  decodeIpv6Prefix,
  decodeText,
  readAll,
  readCiscoAvPairs,
  readIpv4,
  readOctets,
} from './attributes.js';
import { types } from './dictionary.js';
import { ReceivedAttribute, type Attribute, type Packet } from './packet.js';

/** Where a request comes from and what session it is about, as the NAS tells it; all of it optional, none of it proved. */
export interface RequestContext {
  readonly userName: string | null;
  /** As the NAS wrote it. */
  readonly callingStationId: string | null;
  readonly callingStation: Mac | null;
  readonly serviceType: number | null;
  readonly nasIdentifier: string | null;
  readonly nasIpAddress: string | null;
  readonly nasIpv6Address: string | null;
  readonly nasPort: number | null;
  readonly nasPortId: string | null;
  readonly nasPortType: number | null;
  readonly calledStationId: string | null;
  readonly ssid: string | null;
  readonly acctSessionId: string | null;
  /** Cisco's own session id, by which its switches want to be addressed in CoA. */
  readonly auditSessionId: string | null;
  /**
   * Addresses of the device: Framed-IP-Address, each Framed-IPv6-Address, and what Framed-IPv6-Prefix and Framed-Interface-Id make
   * together (RFC 3162 §2.2). A prefix alone is its link's, a delegated one is for networks behind the device: no addresses of it.
   */
  readonly framedAddresses: readonly string[];
  readonly framedIpv6Prefixes: readonly string[];
}

/** In one pass, since each authentication reads all of it. Of each type, the first counts. */
export function readRequestContext({ attributes }: Pick<Packet, 'attributes'>): RequestContext {
  let userName: Attribute | null = null;
  let callingStation: Attribute | null = null;
  let calledStation: Attribute | null = null;
  let serviceType: Attribute | null = null;
  let nasIdentifier: Attribute | null = null;
  let nasIpAddress: Attribute | null = null;
  let nasIpv6Address: Attribute | null = null;
  let nasPort: Attribute | null = null;
  let nasPortId: Attribute | null = null;
  let nasPortType: Attribute | null = null;
  let acctSessionId: Attribute | null = null;
  let isFramed = false;
  let hasVendors = false;
  for (const attribute of attributes) {
    const { type } = attribute;
    if (type === types.userName) userName ??= attribute;
    else if (type === types.callingStationId) callingStation ??= attribute;
    else if (type === types.calledStationId) calledStation ??= attribute;
    else if (type === types.serviceType) serviceType ??= attribute;
    else if (type === types.nasIdentifier) nasIdentifier ??= attribute;
    else if (type === types.nasIpAddress) nasIpAddress ??= attribute;
    else if (type === types.nasIpv6Address) nasIpv6Address ??= attribute;
    else if (type === types.nasPort) nasPort ??= attribute;
    else if (type === types.nasPortId) nasPortId ??= attribute;
    else if (type === types.nasPortType) nasPortType ??= attribute;
    else if (type === types.acctSessionId) acctSessionId ??= attribute;
    else if (type === types.vendorSpecific) hasVendors = true;
    else if (isFramedAddress(type)) isFramed = true;
  }
  const calledStationId = decodeTextOf(calledStation);
  const callingStationId = decodeTextOf(callingStation);
  return {
    userName: decodeTextOf(userName),
    callingStationId,
    callingStation: callingStationId === null ? null : parseMac(callingStationId),
    serviceType: decodeIntegerOf(serviceType),
    nasIdentifier: decodeTextOf(nasIdentifier),
    nasIpAddress: decodeAddressOf(nasIpAddress, 4),
    nasIpv6Address: decodeAddressOf(nasIpv6Address, 16),
    nasPort: decodeIntegerOf(nasPort),
    nasPortId: decodeTextOf(nasPortId),
    nasPortType: decodeIntegerOf(nasPortType),
    calledStationId,
    ssid: calledStationId === null ? null : readSsid(calledStationId),
    acctSessionId: decodeTextOf(acctSessionId),
    auditSessionId: hasVendors ? readAuditSessionId(attributes) : null,
    framedAddresses: isFramed ? readFramedAddresses(attributes) : none,
    framedIpv6Prefixes: isFramed ? readFramedIpv6Prefixes(attributes) : none,
  };
}

const isFramedAddress = (type: number): boolean =>
  type === types.framedIpAddress || type === types.framedIpv6Address || type === types.framedIpv6Prefix;

function decodeTextOf(attribute: Attribute | null): string | null {
  if (attribute === null) return null;
  return attribute instanceof ReceivedAttribute ? attribute.text : decodeText(attribute.value);
}

function decodeIntegerOf(attribute: Attribute | null): number | null {
  if (attribute === null) return null;
  return attribute instanceof ReceivedAttribute ? attribute.integer : decodeInteger(attribute.value);
}

const decodeInteger = (value: Buffer): number | null => (value.length === 4 ? value.readUInt32BE() : null);

function decodeAddressOf(attribute: Attribute | null, length: 4 | 16): string | null {
  const value = attribute?.value;
  return value?.length === length ? decodeAddress(value) : null;
}

const none: readonly string[] = [];

function readFramedAddresses(attributes: Packet['attributes']): readonly string[] {
  const ipv4 = readFramedIpv4(attributes);
  const hasIpv6 =
    readOctets(attributes, types.framedIpv6Address) !== null || readOctets(attributes, types.framedIpv6Prefix) !== null;
  if (!hasIpv6) return ipv4 ? [ipv4] : none;
  const ipv6 = readAll(attributes, types.framedIpv6Address)
    .filter(({ length }) => length === 16)
    .map((value) => decodeAddress(value)!);
  return [...new Set([...(ipv4 ? [ipv4] : []), ...ipv6, ...composeIpv6(attributes)])];
}

/** A prefix of 128 bits is an address; one of 64 bits is half of it. */
function composeIpv6(attributes: Packet['attributes']): string[] {
  const interfaceId = readOctets(attributes, types.framedInterfaceId);
  return readAll(attributes, types.framedIpv6Prefix).flatMap((value) => {
    const [network, length] = decodeIpv6Prefix(value)?.split('/') ?? [];
    if (length === '128') return [network!];
    if (length !== '64' || interfaceId?.length !== 8) return [];
    return [decodeAddress(Buffer.concat([Buffer.concat([value.subarray(2)], 8), interfaceId]))!];
  });
}

function readFramedIpv6Prefixes(attributes: Packet['attributes']): readonly string[] {
  return readAll(attributes, types.framedIpv6Prefix).flatMap((value) => decodeIpv6Prefix(value) ?? []);
}

/** RFC 2865 §5.8: all ones and all ones but the last bit are instructions, not addresses; zero is a device without one. */
function readFramedIpv4(attributes: Packet['attributes']): string | null {
  const address = readIpv4(attributes, types.framedIpAddress);
  return address === '255.255.255.255' || address === '255.255.255.254' || address === '0.0.0.0' ? null : address;
}

/**
 * RFC 3580 §3.20: `00-10-A4-23-19-C0:AP1`; some controllers put the access point's name in front instead. A wired switch
 * sends a MAC alone. An SSID may itself hold colons, and the MAC may be written with them.
 */
export function readSsid(calledStationId: string): string | null {
  if (calledStationId.length <= 17 && parseMac(calledStationId) !== null) return null;
  const macs = /^(?:(?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}[.-]){2}[0-9a-f]{4}|[0-9a-f]{12})(?::|$)/i;
  const match = macs.exec(calledStationId);
  const rest = match ? calledStationId.slice(match[0].length) : calledStationId.slice(calledStationId.indexOf(':') + 1);
  if (!match && !calledStationId.includes(':')) return null;
  return rest.length > 0 && rest.length <= 32 ? rest : null;
}

function readAuditSessionId(attributes: Packet['attributes']): string | null {
  const prefix = 'audit-session-id=';
  return (
    readCiscoAvPairs(attributes)
      .find((pair) => pair.startsWith(prefix))
      ?.slice(prefix.length) ?? null
  );
}
