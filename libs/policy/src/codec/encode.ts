import { canonicalJson, sha256 } from '#base';
import { formatPrefix, type AclEntry, type AddressSet, type Prefix } from '#net';
import type { ClassFlows, DirectionFlows, Snapshot } from '../snapshot.js';
import { accessRuleColumns, grantColumns } from './encoded.js';
import type { Content, EncodedDirection, EncodedSections, EncodedSnapshot } from './encoded.js';
import { digestOfSections, hashOnce, mapValues } from './hashes.js';
import { RecordHashes } from './record-hashes.js';
import { encodeRules, RuleHashes } from './rule-parts.js';
import { encodeAddresses, encodeServices, hashOfAddresses, Texts } from './texts.js';

export function encodeSnapshot(snapshot: Snapshot): EncodedSnapshot {
  const { digest, compiledFor, provenance, format, ...content } = snapshot;
  const texts = new Texts();
  const sections = encodeSections(content, texts);
  return { format, digest, compiledFor, provenance, sections, ...sharedObjects(content, texts) };
}

/** Names one content after another. What was hashed before is not hashed again: content never changes. */
export class Digests {
  private readonly rules = new RuleHashes();
  private texts = new Texts();
  private readonly flows = new RecordHashes<ClassFlows>((flows) => hashesOfFlows(flows, this.texts));
  private readonly portAcls = new RecordHashes<readonly AclEntry[]>((acl) => this.texts.hashOfAcl(acl));

  digestOf(content: Content): string {
    const names = Object.keys(content) as (keyof Content)[];
    const hashes = Object.fromEntries(names.map((name) => [name, this.hashOf(name, content)]));
    // They are as large as the snapshot.
    this.texts = new Texts();
    return digestOfSections(hashes);
  }

  private hashOf(name: keyof Content, content: Content): string {
    if (name === 'flowRules') return this.rules.hashOf(content.flowRules);
    if (name === 'flows') return this.flows.hashOf(content.flows);
    if (name === 'portAcls') return this.portAcls.hashOf(content.portAcls);
    const section = content[name];
    const json = (): string => canonicalJson(encodeSection(name, content, this.texts));
    return section === null || typeof section !== 'object' ? sha256(json()) : hashOnce(section, json);
  }
}

const hashesOfFlows = ({ outbound, inbound }: ClassFlows, texts: Texts) => ({
  outbound: texts.hashOfDirection(outbound),
  inbound: texts.hashOfDirection(inbound),
});

function encodeSections(content: Content, texts: Texts): EncodedSections {
  const names = Object.keys(content) as (keyof Content)[];
  return Object.fromEntries(
    names.map((name) => [name, encodeSection(name, content, texts)]),
  ) as unknown as EncodedSections;
}

/** A section as it is stored; one that is not named in `encoders` is JSON already. */
function encodeSection(name: keyof Content, content: Content, texts: Texts): unknown {
  return encoders[name]?.(content, texts) ?? content[name];
}

const encoders: Partial<Record<keyof Content, (content: Content, texts: Texts) => unknown>> = {
  segments: ({ segments }) =>
    segments.map((segment) => ({
      ...segment,
      sites: segment.sites.map((at) => ({ ...at, prefixes: hashOfAddresses(at.prefixes) })),
    })),
  endpoints: ({ endpoints }) =>
    endpoints.map((endpoint) => ({ ...endpoint, addresses: hashOfAddresses(endpoint.addresses) })),
  applications: ({ applications }) =>
    applications.map((application) => ({ ...application, services: encodeServices(application.services) })),
  flowRules: ({ flowRules }) => encodeRules(flowRules),
  accessRules: ({ accessRules }) => accessRules.map((rule) => accessRuleColumns.map((column) => rule[column])),
  accessTable: ({ accessTable }) =>
    accessTable.map((grant) => [...grantColumns.map((column) => grant[column]), grant.rule.id]),
  flows: ({ flows }, texts) => mapValues(flows, (ofClass) => hashesOfFlows(ofClass, texts)),
  portAcls: ({ portAcls }, texts) => mapValues(portAcls, (acl) => texts.hashOfAcl(acl)),
  nas: ({ nas }) => encodeClients(nas),
  proxies: ({ proxies }) => encodeClients(proxies),
};

const encodeClients = (clients: readonly { readonly prefix: Prefix }[]): unknown =>
  clients.map((client) => ({ ...client, prefix: formatPrefix(client.prefix) }));

type SharedObjects = Pick<EncodedSnapshot, 'sets' | 'directions' | 'acls' | 'regions' | 'entries'>;

/** What the sections name by hash. */
function sharedObjects({ segments, endpoints, flows, portAcls }: Content, texts: Texts): SharedObjects {
  const directions = byHash(
    Object.values(flows).flatMap(({ outbound, inbound }) => [outbound, inbound]),
    (direction) => texts.hashOfDirection(direction),
  );
  const acls = byHash(Object.values(portAcls), (acl) => texts.hashOfAcl(acl));
  const sets = byHash<AddressSet>(
    [
      ...segments.flatMap(({ sites }) => sites.map(({ prefixes }) => prefixes)),
      ...endpoints.map(({ addresses }) => addresses),
      ...[...directions.values()].flatMap(({ allowed, denied }) =>
        [...allowed, ...denied].map(({ addresses }) => addresses),
      ),
    ],
    hashOfAddresses,
  );
  const regions = new Rows();
  const entries = new Rows();
  const encodeDirection = ({ allowed, denied, peersAllowed, peersDenied }: DirectionFlows): EncodedDirection => [
    allowed.map((region) => regions.place(texts.region(region))),
    denied.map((region) => regions.place(texts.region(region))),
    peersAllowed.map((region) => regions.place(texts.peer(region))),
    peersDenied.map((region) => regions.place(texts.peer(region))),
  ];
  const encodeAcl = (acl: readonly AclEntry[]): number[] => acl.map((entry) => entries.place(texts.entry(entry)));
  return {
    sets: recordOf(sets, encodeAddresses),
    directions: recordOf(directions, encodeDirection),
    acls: recordOf(acls, encodeAcl),
    regions: regions.list(),
    entries: entries.list(),
  };
}

function byHash<T>(objects: readonly T[], hash: (object: T) => string): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [hash(object), object]));
}

/** In order of hash. */
function recordOf<A, B>(objects: ReadonlyMap<string, A>, encode: (object: A) => B): Record<string, B> {
  const sorted = [...objects].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([hash, object]) => [hash, encode(object)]));
}

/** Rows by their JSON, each once. */
class Rows {
  private readonly places = new Map<string, number>();

  place(text: string): number {
    const place = this.places.get(text) ?? this.places.size;
    this.places.set(text, place);
    return place;
  }

  list<T>(): T[] {
    return [...this.places.keys()].map((text) => JSON.parse(text) as T);
  }
}
