import { canonicalJson, deepFreeze, sha256 } from '#base';
import { addressSet, parseRange, type AddressSet, type Interval, type ServiceSet } from '#net';
import type { DirectionFlows, FlowRegion, PeerRegion, Snapshot } from '../snapshot.js';
import { decodeEntry, decodePrefix, wrongAddress } from './acl.js';
import { accessRuleColumns, flowRuleColumns, grantColumns } from './encoded.js';
import type {
  Content,
  EncodedAddresses,
  EncodedRegion,
  EncodedRules,
  EncodedServices,
  EncodedSnapshot,
} from './encoded.js';
import { hashOfRecord } from './record-hashes.js';
import { hashOfRules } from './rule-parts.js';
import { digestOfSections, hashOf, jsonList, mapValues, rememberHash } from './hashes.js';

/** Throws when the value isn't a snapshot, or anything in it doesn't have its hash. */
export function decodeSnapshot(json: unknown): Snapshot {
  if (!isEncoded(json)) throw new Error('not a snapshot of format 9');
  const { digest, compiledFor, provenance, sections, sets, directions, acls, regions, entries } = json;
  if (!isEncodedRules(sections.flowRules))
    throw new Error('not a snapshot of format 9: its flow rules are no rows and lines');
  if (!isRecord(sections.flows) || !isRecord(sections.portAcls))
    throw new Error('not a snapshot of format 9: its flows and port ACLs are not by class');
  const addresses = decodeObjects(sets, canonicalJson, decodeAddresses);
  const far = new Rows(regions, decodeRegion(addresses));
  const peers = new Rows(regions, decodePeer);
  const flows = decodeObjects(
    directions,
    (lists) => jsonList(listOf(lists).map((places) => jsonList(listOf(places).map((place) => far.text(place))))),
    ([allowed, denied, peersAllowed, peersDenied]): DirectionFlows => ({
      allowed: allowed.map((place) => far.get(place)),
      denied: denied.map((place) => far.get(place)),
      peersAllowed: peersAllowed.map((place) => peers.get(place)),
      peersDenied: peersDenied.map((place) => peers.get(place)),
    }),
  );
  const lines = new Rows(entries, decodeEntry);
  const lists = decodeObjects(
    acls,
    (places) => jsonList(listOf(places).map((place) => lines.text(place))),
    (places) => places.map((place) => lines.get(place)),
  );
  const { flowRules, flows: byClass, portAcls, ...others } = sections;
  const found = digestOfSections({
    ...mapValues(others, hashOf),
    flowRules: hashOfRules(flowRules),
    flows: hashOfRecord(byClass),
    portAcls: hashOfRecord(portAcls),
  });
  if (found !== digest) throw new Error(`snapshot content has digest ${found}, not ${digest}`);
  const accessRules = sections.accessRules.map((row) =>
    fromRow(accessRuleColumns, row),
  ) as unknown as Snapshot['accessRules'];
  return deepFreeze({
    ...(sections as unknown as Content),
    format: 9,
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
    flowRules: decodeRules(sections.flowRules),
    accessRules,
    accessTable: decodeGrants(sections.accessTable, accessRules),
    flows: mapValues(sections.flows, ({ outbound, inbound }) => ({
      outbound: flows(outbound),
      inbound: flows(inbound),
    })),
    portAcls: mapValues(sections.portAcls, lists),
    nas: decodeClients(sections.nas) as Snapshot['nas'],
    proxies: decodeClients(sections.proxies) as Snapshot['proxies'],
  });
}

const decodeClients = (encoded: unknown): unknown =>
  (encoded as readonly { prefix: string }[]).map((client) => ({ ...client, prefix: decodePrefix(client.prefix) }));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The outermost shape; what is inside is known by its hashes. */
function isEncoded(json: unknown): json is EncodedSnapshot {
  if (!isRecord(json) || json['format'] !== 9) return false;
  const records = ['sections', 'sets', 'directions', 'acls'];
  const tables = ['regions', 'entries'];
  const known = ['format', 'digest', 'compiledFor', 'provenance', ...records, ...tables];
  return (
    Object.keys(json).sort().join() === [...known].sort().join() &&
    records.every((name) => isRecord(json[name])) &&
    tables.every((name) => Array.isArray(json[name]))
  );
}

/** Rows and lines are hashed apart, so their shape is looked at before. */
function isEncodedRules(value: unknown): boolean {
  if (!isRecord(value) || Object.keys(value).sort().join() !== 'lines,rows') return false;
  const { rows, lines } = value;
  return Array.isArray(rows) && Array.isArray(lines) && rows.length === lines.length && rows.every(Array.isArray);
}

function decodeAddresses(texts: EncodedAddresses): AddressSet {
  return addressSet(texts.map((text) => parseRange(text) ?? wrongAddress(text)));
}

const decodeServices = (pairs: EncodedServices): ServiceSet =>
  pairs.map(([first, last]): Interval<number> => ({ first, last }));

const decodeRegion =
  (addresses: (hash: string) => AddressSet) =>
  ([hash, services, rules]: EncodedRegion): FlowRegion => ({
    addresses: addresses(hash),
    services: decodeServices(services),
    rules,
  });

const decodePeer = ([peer, services, rules]: EncodedRegion): PeerRegion => ({
  peer,
  services: decodeServices(services),
  rules,
});

function decodeRules({ rows, lines }: EncodedRules): Snapshot['flowRules'] {
  return rows.map((row, i) => ({
    ...fromRow(flowRuleColumns, row),
    line: lines[i],
  })) as unknown as Snapshot['flowRules'];
}

/** Grants name their rules. */
function decodeGrants(
  rows: EncodedSnapshot['sections']['accessTable'],
  accessRules: Snapshot['accessRules'],
): Snapshot['accessTable'] {
  const rules = new Map(accessRules.map(({ id, file, line, text }) => [id, { id, file, line, text }]));
  return rows.map((row) => ({
    ...fromRow(grantColumns, row),
    rule: rules.get(String(row.at(-1))),
  })) as unknown as Snapshot['accessTable'];
}

function fromRow(columns: readonly string[], row: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column, i) => [column, row[i]]));
}

/** Objects by their hash, each decoded once and checked; asking for one that isn't there throws. */
function decodeObjects<A, B extends object>(
  encoded: Readonly<Record<string, A>>,
  textOf: (value: A) => string,
  decode: (value: A) => B,
): (hash: string) => B {
  const decoded = new Map<string, B>();
  for (const [hash, value] of Object.entries(encoded)) {
    const found = sha256(textOf(value));
    if (found !== hash) throw new Error(`an object of the snapshot has the hash ${found}, not ${hash}`);
    const object = decode(value);
    rememberHash(object, hash);
    decoded.set(hash, object);
  }
  return (hash) => {
    const object = decoded.get(hash);
    if (!object) throw new Error(`the snapshot lacks its object ${hash}`);
    return object;
  };
}

function listOf<T>(value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw new Error('not a snapshot of format 9: an object is no list of places');
  return value;
}

/** Rows by their places, each decoded once. What they say is proved by the hashes of the objects that name them. */
class Rows<A, B> {
  private readonly texts: string[] = [];
  private readonly decoded: B[] = [];

  constructor(
    private readonly rows: readonly A[],
    private readonly decode: (row: A) => B,
  ) {}

  text(place: number): string {
    return (this.texts[place] ??= canonicalJson(this.row(place)));
  }

  get(place: number): B {
    return (this.decoded[place] ??= this.decode(this.row(place)));
  }

  private row(place: number): A {
    const row = this.rows[place];
    if (!Array.isArray(row)) throw new Error(`the snapshot lacks its row ${place}`);
    return row;
  }
}
