import { formatPrefix, formatRange, rangesOf, type AddressSet, type ServiceSet } from '#net';
import type { DirectionFlows, Snapshot } from '../snapshot.js';
import { encodeAcl } from './acl.js';
import { accessRuleColumns } from './encoded.js';
import type {
  Content,
  EncodedAddresses,
  EncodedDirection,
  EncodedRegion,
  EncodedSections,
  EncodedServices,
  EncodedSnapshot,
} from './encoded.js';
import { encodeRules, type RuleHashes } from './rule-parts.js';
import { digestOfSections, hashOf, hashOnce, mapValues } from './hashes.js';

export function encodeSnapshot(snapshot: Snapshot): EncodedSnapshot {
  const { digest, compiledFor, provenance, format, ...content } = snapshot;
  const store = new ObjectStore();
  return { format, digest, compiledFor, provenance, sections: encodeSections(content, store), ...store.objects() };
}

/** The name of a content. Objects that a digest was asked of before are not hashed again: content never changes. */
export function digestOf(content: Content, rules: RuleHashes): string {
  const names = Object.keys(content) as (keyof Content)[];
  const hashes = names.map((name) => [
    name,
    name === 'flowRules' ? rules.hashOf(content.flowRules) : hashOfSection(name, content),
  ]);
  return digestOfSections(Object.fromEntries(hashes) as Record<string, string>);
}

/** Flows and port ACLs hold hashes only; they are made anew with each content. */
function hashOfSection(name: keyof Content, content: Content): string {
  const section = content[name];
  const encode = (): unknown => encodeSection(name, content, noStore);
  if (section === null || typeof section !== 'object' || name === 'flows' || name === 'portAcls')
    return hashOf(encode());
  return hashOnce(section, encode);
}

/** Keeps what is stored by hash, or only tells the hash. */
class ObjectStore {
  private readonly kept = { sets: new Map(), directions: new Map(), acls: new Map() } as const satisfies Record<
    string,
    Map<string, unknown>
  >;

  put<T extends object>(kind: keyof ObjectStore['kept'], object: T, encode: (object: T) => unknown): string {
    const hash = hashOnce(object, encode);
    this.keep(kind, hash, () => encode(object));
    return hash;
  }

  addresses(set: AddressSet): string {
    return this.put('sets', set, encodeAddresses);
  }

  direction(flows: DirectionFlows): string {
    return this.put('directions', flows, () => encodeDirection(flows, this));
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

/** A section as it is stored; one that is not named in `encoders` is JSON already. */
function encodeSection(name: keyof Content, content: Content, store: ObjectStore): unknown {
  return encoders[name]?.(content, store) ?? content[name];
}

const encoders: Partial<Record<keyof Content, (content: Content, store: ObjectStore) => unknown>> = {
  segments: ({ segments }, store) =>
    segments.map((segment) => ({
      ...segment,
      sites: segment.sites.map((at) => ({ ...at, prefixes: store.addresses(at.prefixes) })),
    })),
  endpoints: ({ endpoints }, store) =>
    endpoints.map((endpoint) => ({ ...endpoint, addresses: store.addresses(endpoint.addresses) })),
  applications: ({ applications }) =>
    applications.map((application) => ({ ...application, services: encodeServices(application.services) })),
  flowRules: ({ flowRules }) => encodeRules(flowRules),
  accessRules: ({ accessRules }) => accessRules.map((rule) => accessRuleColumns.map((column) => rule[column])),
  flows: ({ flows }, store) =>
    mapValues(flows, ({ outbound, inbound }) => ({
      outbound: store.direction(outbound),
      inbound: store.direction(inbound),
    })),
  portAcls: ({ portAcls }, store) => mapValues(portAcls, (acl) => store.put('acls', acl, encodeAcl)),
  nas: ({ nas }) => nas.map((entry) => ({ ...entry, prefix: formatPrefix(entry.prefix) })),
};

const encodeAddresses = (set: AddressSet): EncodedAddresses => rangesOf(set).map(formatRange);
const encodeServices = (set: ServiceSet): EncodedServices => set.map(({ first, last }) => [first, last] as const);

function encodeDirection(flows: DirectionFlows, store: ObjectStore): EncodedDirection {
  const region = (far: string, services: ServiceSet, rules: readonly string[]): EncodedRegion => [
    far,
    encodeServices(services),
    rules,
  ];
  return {
    allowed: flows.allowed.map((part) => region(store.addresses(part.addresses), part.services, part.rules)),
    denied: flows.denied.map((part) => region(store.addresses(part.addresses), part.services, part.rules)),
    peersAllowed: flows.peersAllowed.map((part) => region(part.peer, part.services, part.rules)),
    peersDenied: flows.peersDenied.map((part) => region(part.peer, part.services, part.rules)),
  };
}
