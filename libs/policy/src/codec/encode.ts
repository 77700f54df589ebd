import { canonicalJson } from '#base';
import { formatPrefix, type AclEntry, type AddressSet } from '#net';
import type { DirectionFlows, Snapshot } from '../snapshot.js';
import { accessRuleColumns, grantColumns } from './encoded.js';
import type { Content, EncodedDirection, EncodedSections, EncodedSnapshot } from './encoded.js';
import { digestOfSections, hashOf, hashOnce, mapValues } from './hashes.js';
import { encodeRules, type RuleHashes } from './rule-parts.js';
import { encodeAddresses, encodeServices, hashOfAddresses, Texts } from './texts.js';

export function encodeSnapshot(snapshot: Snapshot): EncodedSnapshot {
  const { digest, compiledFor, provenance, format, ...content } = snapshot;
  const texts = new Texts();
  const sections = encodeSections(content, texts);
  return { format, digest, compiledFor, provenance, sections, ...sharedObjects(content, texts) };
}

/** The name of a content. Objects that a digest was asked of before are not hashed again: content never changes. */
export function digestOf(content: Content, rules: RuleHashes): string {
  const names = Object.keys(content) as (keyof Content)[];
  const texts = new Texts();
  const hashes = names.map((name) => [
    name,
    name === 'flowRules' ? rules.hashOf(content.flowRules) : hashOfSection(name, content, texts),
  ]);
  return digestOfSections(Object.fromEntries(hashes) as Record<string, string>);
}

/** Flows and port ACLs hold hashes only; they are made anew with each content. */
function hashOfSection(name: keyof Content, content: Content, texts: Texts): string {
  const section = content[name];
  const json = (): unknown => encodeSection(name, content, texts);
  if (section === null || typeof section !== 'object' || name === 'flows' || name === 'portAcls') return hashOf(json());
  return hashOnce(section, () => canonicalJson(json()));
}

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
  flows: ({ flows }, texts) =>
    mapValues(flows, ({ outbound, inbound }) => ({
      outbound: texts.hashOfDirection(outbound),
      inbound: texts.hashOfDirection(inbound),
    })),
  portAcls: ({ portAcls }, texts) => mapValues(portAcls, (acl) => texts.hashOfAcl(acl)),
  nas: ({ nas }) => nas.map((entry) => ({ ...entry, prefix: formatPrefix(entry.prefix) })),
};

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
