import { canonicalJson, deepFreeze, sha256 } from '#base';
import {
  addressSet,
  formatPrefix,
  formatRange,
  parsePrefix,
  parseRange,
  rangesOf,
  type AclEntry,
  type AddressRange,
  type AddressSet,
  type Interval,
  type Prefix,
  type ServiceSet,
} from '#net';
import type { DirectionFlows, FlowRegion, PeerRegion, Snapshot } from './snapshot.js';

/*
 * A snapshot as JSON. Address sets become lists of `10.1.0.0/16` or `10.0.0.1-10.0.0.9`, service sets lists of
 * [first, last], prefixes text; everything else is JSON already.
 */

export function encodeSnapshot(snapshot: Snapshot): unknown {
  const { digest, compiledFor, provenance, ...content } = snapshot;
  return { digest, compiledFor, provenance, ...encodeContent(content) };
}

/** Throws when the text isn't a snapshot or its content doesn't have its digest. */
export function decodeSnapshot(json: unknown): Snapshot {
  if (json === null || typeof json !== 'object' || (json as { format?: unknown }).format !== 1) {
    throw new Error('not a snapshot of format 1');
  }
  const { digest, compiledFor, provenance, ...content } = json as Encoded;
  const found = sha256(canonicalJson(content));
  if (found !== digest) throw new Error(`snapshot content has digest ${found}, not ${digest}`);
  const decoded: Snapshot = {
    ...(content as unknown as Snapshot),
    digest,
    compiledFor,
    provenance,
    segments: content.segments.map((segment) => ({
      ...segment,
      sites: segment.sites.map((at) => ({ ...at, prefixes: decodeAddresses(at.prefixes) })),
    })),
    endpoints: content.endpoints.map((endpoint) => ({ ...endpoint, addresses: decodeAddresses(endpoint.addresses) })),
    applications: content.applications.map((application) => ({
      ...application,
      services: decodeServices(application.services),
    })),
    flows: mapValues(content.flows, ({ outbound, inbound }) => ({
      outbound: decodeDirection(outbound),
      inbound: decodeDirection(inbound),
    })),
    portAcls: mapValues(content.portAcls, (entries) =>
      entries.map((entry) => ({
        ...entry,
        destination: entry.destination === null ? null : decodePrefix(entry.destination),
      })),
    ),
    nas: content.nas.map((nas) => ({ ...nas, prefix: decodePrefix(nas.prefix) })),
  };
  return deepFreeze(decoded);
}

type EncodedAddresses = readonly string[];
type EncodedServices = readonly (readonly [number, number])[];

/** The shape of `T` with sets as JSON. */
type Encode<T> = T extends AddressSet
  ? EncodedAddresses
  : T extends Prefix
    ? string
    : T extends ServiceSet
      ? EncodedServices
      : T extends readonly (infer Item)[]
        ? readonly Encode<Item>[]
        : T extends object
          ? { readonly [K in keyof T]: Encode<T[K]> }
          : T;
type Encoded = Encode<Snapshot>;

export function encodeContent(
  content: Omit<Snapshot, 'digest' | 'compiledFor' | 'provenance'>,
): Omit<Encoded, 'digest' | 'compiledFor' | 'provenance'> {
  return {
    ...content,
    segments: content.segments.map((segment) => ({
      ...segment,
      sites: segment.sites.map((at) => ({ ...at, prefixes: encodeAddresses(at.prefixes) })),
    })),
    endpoints: content.endpoints.map((endpoint) => ({ ...endpoint, addresses: encodeAddresses(endpoint.addresses) })),
    applications: content.applications.map((application) => ({
      ...application,
      services: encodeServices(application.services),
    })),
    flows: mapValues(content.flows, ({ outbound, inbound }) => ({
      outbound: encodeDirection(outbound),
      inbound: encodeDirection(inbound),
    })),
    portAcls: mapValues(content.portAcls, (entries) => entries.map(encodeEntry)),
    nas: content.nas.map((nas) => ({ ...nas, prefix: encodePrefix(nas.prefix) })),
  };
}

const encodedSets = new WeakMap<AddressSet, EncodedAddresses>();

function encodeAddresses(set: AddressSet): EncodedAddresses {
  const known = encodedSets.get(set) ?? rangesOf(set).map(formatRange);
  encodedSets.set(set, known);
  return known;
}

function decodeAddresses(texts: EncodedAddresses): AddressSet {
  return addressSet(texts.map((text) => parseRange(text) ?? wrong(text)) satisfies AddressRange[]);
}

const encodeServices = (set: ServiceSet): EncodedServices => set.map(({ first, last }) => [first, last] as const);
const decodeServices = (pairs: EncodedServices): ServiceSet =>
  pairs.map(([first, last]): Interval<number> => ({ first, last }));
const encodePrefix = formatPrefix;

function decodePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' ? wrong(text) : prefix;
}

function encodeEntry(entry: AclEntry): Encode<AclEntry> {
  return { ...entry, destination: entry.destination && encodePrefix(entry.destination) };
}

function encodeDirection(flows: DirectionFlows): Encode<DirectionFlows> {
  const region = ({ addresses, services, rules }: FlowRegion) => ({
    addresses: encodeAddresses(addresses),
    services: encodeServices(services),
    rules,
  });
  const peer = ({ peer, services, rules }: PeerRegion) => ({ peer, services: encodeServices(services), rules });
  return {
    allowed: flows.allowed.map(region),
    denied: flows.denied.map(region),
    peersAllowed: flows.peersAllowed.map(peer),
    peersDenied: flows.peersDenied.map(peer),
  };
}

function decodeDirection(flows: Encode<DirectionFlows>): DirectionFlows {
  const region = ({ addresses, services, rules }: Encode<FlowRegion>): FlowRegion => ({
    addresses: decodeAddresses(addresses),
    services: decodeServices(services),
    rules,
  });
  const peer = ({ peer, services, rules }: Encode<PeerRegion>): PeerRegion => ({
    peer,
    services: decodeServices(services),
    rules,
  });
  return {
    allowed: flows.allowed.map(region),
    denied: flows.denied.map(region),
    peersAllowed: flows.peersAllowed.map(peer),
    peersDenied: flows.peersDenied.map(peer),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function wrong(text: string): never {
  throw new Error(`\`${text}\` is not an address range`);
}
