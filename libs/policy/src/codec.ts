import { canonicalJson, deepFreeze, sha256 } from '#base';
import {
  addressSet,
  formatPrefix,
  formatRange,
  parsePrefix,
  parseRange,
  rangesOf,
  type AclEntry,
  type AddressSet,
  type Interval,
  type Prefix,
  type ServiceSet,
} from '#net';
import type { DirectionFlows, Snapshot } from './snapshot.js';

/*
 * A snapshot as JSON. What many classes share is stored once, under the hash of its content: address sets (`sets`), what a
 * class may do in one direction (`directions`), port ACLs (`acls`). The digest is the hash of the sections' hashes, so that
 * after an edit only what changed is hashed again.
 */
export interface EncodedSnapshot {
  readonly format: 2;
  readonly digest: string;
  readonly compiledFor: string;
  readonly provenance: Snapshot['provenance'];
  readonly sections: EncodedSections;
  readonly sets: Readonly<Record<string, EncodedAddresses>>;
  readonly directions: Readonly<Record<string, EncodedDirection>>;
  readonly acls: Readonly<Record<string, EncodedAcl>>;
}

export type Content = Omit<Snapshot, 'format' | 'digest' | 'compiledFor' | 'provenance'>;
type EncodedAddresses = readonly string[];
type EncodedServices = readonly (readonly [number, number])[];

/** [addresses: hash of a set, services, rule ids] and [peer, services, rule ids]. */
interface EncodedDirection {
  readonly allowed: readonly EncodedRegion[];
  readonly denied: readonly EncodedRegion[];
  readonly peersAllowed: readonly EncodedRegion[];
  readonly peersDenied: readonly EncodedRegion[];
}
type EncodedRegion = readonly [string, EncodedServices, readonly string[]];

/** Entries that differ in their destination only, one behind the other, are one row; null: any destination. */
type EncodedAcl = readonly AclRow[];
type AclRow = readonly [
  action: 'permit' | 'deny',
  family: 4 | 6,
  protocol: number | null,
  sourcePorts: readonly [number, number] | null,
  destinationPorts: readonly [number, number] | null,
  established: boolean,
  destinations: readonly (string | null)[],
];

/** Sets by reference, everything else as it is. */
interface EncodedSections {
  readonly nextChangeAt: Content['nextChangeAt'];
  readonly classes: Content['classes'];
  readonly sites: Content['sites'];
  readonly segments: unknown;
  readonly endpoints: unknown;
  readonly applications: unknown;
  readonly flowRules: Content['flowRules'];
  readonly accessRules: Content['accessRules'];
  readonly accessTable: unknown;
  readonly flows: Readonly<Record<string, { readonly outbound: string; readonly inbound: string }>>;
  readonly portAcls: Readonly<Record<string, string>>;
  readonly nas: unknown;
  readonly enforcementPoints: Content['enforcementPoints'];
}

export function encodeSnapshot(snapshot: Snapshot): EncodedSnapshot {
  const { digest, compiledFor, provenance, format, ...content } = snapshot;
  const store = new ObjectStore();
  return { format, digest, compiledFor, provenance, sections: encodeSections(content, store), ...store.objects() };
}

/** Throws when the value isn't a snapshot, or anything in it doesn't have its hash. */
export function decodeSnapshot(json: unknown): Snapshot {
  if (!isEncoded(json)) throw new Error('not a snapshot of format 2');
  const { digest, compiledFor, provenance, sections, sets, directions, acls } = json;
  const addresses = decodeObjects(sets, decodeAddresses);
  const flows = decodeObjects(directions, (direction) => decodeDirection(direction, addresses));
  const lists = decodeObjects(acls, decodeAcl);
  const found = digestOfSections(mapValues(sections as unknown as Record<string, unknown>, hashOf));
  if (found !== digest) throw new Error(`snapshot content has digest ${found}, not ${digest}`);
  return deepFreeze({
    ...(sections as unknown as Content),
    format: 2,
    digest,
    compiledFor,
    provenance,
    segments: (sections.segments as readonly Record<string, unknown>[]).map((segment) => ({
      ...segment,
      sites: (segment['sites'] as readonly { prefixes: string }[]).map((at) => ({
        ...at,
        prefixes: addresses(at.prefixes),
      })),
    })) as unknown as Snapshot['segments'],
    endpoints: (sections.endpoints as readonly { addresses: string }[]).map((endpoint) => ({
      ...endpoint,
      addresses: addresses(endpoint.addresses),
    })) as unknown as Snapshot['endpoints'],
    applications: (sections.applications as readonly { services: EncodedServices }[]).map((application) => ({
      ...application,
      services: decodeServices(application.services),
    })) as unknown as Snapshot['applications'],
    flows: mapValues(sections.flows, ({ outbound, inbound }) => ({
      outbound: flows(outbound),
      inbound: flows(inbound),
    })),
    portAcls: mapValues(sections.portAcls, lists),
    nas: (sections.nas as readonly { prefix: string }[]).map((nas) => ({
      ...nas,
      prefix: decodePrefix(nas.prefix),
    })) as unknown as Snapshot['nas'],
  });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The outermost shape; what is inside is known by its hashes. */
function isEncoded(json: unknown): json is EncodedSnapshot {
  if (!isRecord(json) || json['format'] !== 2) return false;
  const known = ['format', 'digest', 'compiledFor', 'provenance', 'sections', 'sets', 'directions', 'acls'];
  return (
    Object.keys(json).sort().join() === [...known].sort().join() && known.slice(4).every((name) => isRecord(json[name]))
  );
}

/** The name of a content. Objects that a digest was asked of before are not hashed again: content never changes. */
export function digestOf(content: Content): string {
  const names = Object.keys(content) as (keyof Content)[];
  const hashes = Object.fromEntries(names.map((name) => [name, hashOfSection(name, content)]));
  return digestOfSections(hashes);
}

const digestOfSections = (hashes: Readonly<Record<string, string>>): string => sha256(canonicalJson(hashes));
const hashOf = (value: unknown): string => sha256(canonicalJson(value));

const knownHashes = new WeakMap<object, string>();

function remembered<T extends object>(object: T, hash: (object: T) => string): string {
  let known = knownHashes.get(object);
  if (known === undefined) {
    known = hash(object);
    knownHashes.set(object, known);
  }
  return known;
}

function hashOfSection(name: keyof Content, content: Content): string {
  const section = content[name];
  if (section === null || typeof section !== 'object' || name === 'flows' || name === 'portAcls')
    return hashOf(encodeSection(name, content, noStore));
  return remembered(section, () => hashOf(encodeSection(name, content, noStore)));
}

/** Keeps what is stored by hash, or only tells the hash. */
class ObjectStore {
  private readonly kept = { sets: new Map(), directions: new Map(), acls: new Map() } as const satisfies Record<
    string,
    Map<string, unknown>
  >;

  put<T extends object>(kind: keyof ObjectStore['kept'], object: T, encode: (object: T) => unknown): string {
    const hash = remembered(object, () => hashOf(encode(object)));
    this.keep(kind, hash, () => encode(object));
    return hash;
  }

  objects(): Pick<EncodedSnapshot, 'sets' | 'directions' | 'acls'> {
    const { sets, directions, acls } = mapValues(this.kept, (map) =>
      Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1))),
    ) as unknown as Pick<EncodedSnapshot, 'sets' | 'directions' | 'acls'>;
    return { sets, directions, acls };
  }

  protected keep(kind: keyof ObjectStore['kept'], hash: string, encode: () => unknown): void {
    const kept: Map<string, unknown> = this.kept[kind];
    if (!kept.has(hash)) kept.set(hash, encode());
  }
}

class NoStore extends ObjectStore {
  protected override keep(): void {}
}
const noStore = new NoStore();

function encodeSections(content: Content, store: ObjectStore): EncodedSections {
  const names = Object.keys(content) as (keyof Content)[];
  return Object.fromEntries(
    names.map((name) => [name, encodeSection(name, content, store)]),
  ) as unknown as EncodedSections;
}

function encodeSection(name: keyof Content, content: Content, store: ObjectStore): unknown {
  const addresses = (set: AddressSet): string => store.put('sets', set, encodeAddresses);
  switch (name) {
    case 'segments':
      return content.segments.map((segment) => ({
        ...segment,
        sites: segment.sites.map((at) => ({ ...at, prefixes: addresses(at.prefixes) })),
      }));
    case 'endpoints':
      return content.endpoints.map((endpoint) => ({ ...endpoint, addresses: addresses(endpoint.addresses) }));
    case 'applications':
      return content.applications.map((application) => ({
        ...application,
        services: encodeServices(application.services),
      }));
    case 'flows': {
      const direction = (flows: DirectionFlows): string =>
        store.put('directions', flows, () => encodeDirection(flows, addresses));
      return mapValues(content.flows, ({ outbound, inbound }) => {
        const encoded = { outbound: direction(outbound), inbound: direction(inbound) };
        return encoded;
      });
    }
    case 'portAcls':
      return mapValues(content.portAcls, (acl) => store.put('acls', acl, encodeAcl));
    case 'nas':
      return content.nas.map((nas) => ({ ...nas, prefix: formatPrefix(nas.prefix) }));
    default:
      return content[name];
  }
}

const encodeAddresses = (set: AddressSet): EncodedAddresses => rangesOf(set).map(formatRange);
const encodeServices = (set: ServiceSet): EncodedServices => set.map(({ first, last }) => [first, last] as const);

function decodeAddresses(texts: EncodedAddresses): AddressSet {
  return addressSet(texts.map((text) => parseRange(text) ?? wrong(text)));
}

const decodeServices = (pairs: EncodedServices): ServiceSet =>
  pairs.map(([first, last]): Interval<number> => ({ first, last }));

function encodeDirection(flows: DirectionFlows, addresses: (set: AddressSet) => string): EncodedDirection {
  const region = (far: string, services: ServiceSet, rules: readonly string[]): EncodedRegion => [
    far,
    encodeServices(services),
    rules,
  ];
  return {
    allowed: flows.allowed.map((part) => region(addresses(part.addresses), part.services, part.rules)),
    denied: flows.denied.map((part) => region(addresses(part.addresses), part.services, part.rules)),
    peersAllowed: flows.peersAllowed.map((part) => region(part.peer, part.services, part.rules)),
    peersDenied: flows.peersDenied.map((part) => region(part.peer, part.services, part.rules)),
  };
}

function decodeDirection(direction: EncodedDirection, addresses: (hash: string) => AddressSet): DirectionFlows {
  const region = ([hash, services, rules]: EncodedRegion) => ({
    addresses: addresses(hash),
    services: decodeServices(services),
    rules,
  });
  const peer = ([name, services, rules]: EncodedRegion) => ({ peer: name, services: decodeServices(services), rules });
  return {
    allowed: direction.allowed.map(region),
    denied: direction.denied.map(region),
    peersAllowed: direction.peersAllowed.map(peer),
    peersDenied: direction.peersDenied.map(peer),
  };
}

function encodeAcl(acl: readonly AclEntry[]): EncodedAcl {
  const rows: { match: Omit<AclEntry, 'destination'>; destinations: (string | null)[] }[] = [];
  for (const { destination, ...match } of acl) {
    const text = destination && formatPrefix(destination);
    const top = rows.at(-1);
    if (top && isSameMatch(top.match, match)) top.destinations.push(text);
    else rows.push({ match, destinations: [text] });
  }
  const pair = (ports: Interval<number> | null): readonly [number, number] | null => ports && [ports.first, ports.last];
  return rows.map(({ match, destinations }): AclRow => [
    match.action,
    match.family,
    match.protocol,
    pair(match.sourcePorts),
    pair(match.destinationPorts),
    match.established,
    destinations,
  ]);
}

function isSameMatch(a: Omit<AclEntry, 'destination'>, b: Omit<AclEntry, 'destination'>): boolean {
  const isSame = (x: Interval<number> | null, y: Interval<number> | null): boolean =>
    x === y || (x !== null && y !== null && x.first === y.first && x.last === y.last);
  return (
    a.action === b.action &&
    a.family === b.family &&
    a.protocol === b.protocol &&
    a.established === b.established &&
    isSame(a.sourcePorts, b.sourcePorts) &&
    isSame(a.destinationPorts, b.destinationPorts)
  );
}

function decodeAcl(rows: EncodedAcl): AclEntry[] {
  const interval = (ports: readonly [number, number] | null): Interval<number> | null =>
    ports && { first: ports[0], last: ports[1] };
  return rows.flatMap(([action, family, protocol, from, to, established, destinations]) =>
    destinations.map((text): AclEntry => ({
      action,
      family,
      protocol,
      sourcePorts: interval(from),
      destination: text === null ? null : decodePrefix(text),
      destinationPorts: interval(to),
      established,
    })),
  );
}

/** Objects by their hash, each decoded once and checked; asking for one that isn't there throws. */
function decodeObjects<A, B extends object>(
  encoded: Readonly<Record<string, A>>,
  decode: (value: A) => B,
): (hash: string) => B {
  const decoded = new Map<string, B>();
  for (const [hash, value] of Object.entries(encoded)) {
    const found = hashOf(value);
    if (found !== hash) throw new Error(`an object of the snapshot has the hash ${found}, not ${hash}`);
    const object = decode(value);
    knownHashes.set(object, hash);
    decoded.set(hash, object);
  }
  return (hash) => {
    const object = decoded.get(hash);
    if (!object) throw new Error(`the snapshot lacks its object ${hash}`);
    return object;
  };
}

function decodePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' ? wrong(text) : prefix;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function wrong(text: string): never {
  throw new Error(`\`${text}\` is not an address range`);
}
