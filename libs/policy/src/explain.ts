import { failure, success, type Result } from '#base';
import {
  addressSet,
  families,
  familyOf,
  intersectAddresses,
  isEmptyAddressSet,
  parseAddress,
  parseService,
  protocols,
  serviceAlgebra,
  sweep,
  formatAddress,
  type AddressRange,
  type AddressSet,
  type Family,
  type ServiceSet,
} from '#net';
import { Report } from './codes.js';
import { decideBy, indexOf, noRule, type FlowVerdict } from './decide.js';
import { didYouMean } from './load/suggest.js';
import type { Snapshot } from './snapshot.js';

export interface FlowQuery {
  /** Class, endpoint, group or address. */
  readonly from: string;
  readonly to: string;
  /** Application, group, or `tcp/443`. */
  readonly app: string;
}

/** One part of a question on which all packets get the same verdict. */
export interface VerdictPart extends FlowVerdict {
  readonly from: string;
  readonly to: string;
  readonly services: ServiceSet;
  /** Everything the source is: classes, or the endpoints that contain it. */
  readonly sources: ReadonlySet<string>;
  readonly destinations: ReadonlySet<string>;
  /** All addresses that `from` and `to` stand for; null for a device. */
  readonly fromAddresses: AddressSet | null;
  readonly toAddresses: AddressSet | null;
}

/** The parts into which policy divides the packets of a query: disjoint, complete, at least one. */
export function judge(snapshot: Snapshot, query: FlowQuery): Result<VerdictPart[]> {
  const report = new Report();
  const from = readSide(snapshot, query.from, report);
  const to = readSide(snapshot, query.to, report);
  const services = readServices(snapshot, query.app, report);
  if (!from || !to || !services) return failure(report.diagnostics);
  const parts: VerdictPart[] = [];
  for (const source of atomsOf(snapshot, query.from, from)) {
    for (const destination of atomsOf(snapshot, query.to, to)) {
      if (source.family && destination.family && source.family !== destination.family) continue;
      const family = source.family ?? destination.family;
      parts.push(...judgeServices(snapshot, source, destination, family, services));
    }
  }
  if (parts.length > 0) return success(parts);
  const reason = 'no packet fits: no address family and protocol in common';
  const nobody = { principals: new Set<string>(), addresses: null, family: null };
  const ends = endsOf({ ...nobody, label: query.from }, { ...nobody, label: query.to });
  return success([{ ...ends, services, verdict: 'deny', reason, rules: [] }]);
}

function endsOf(source: Atom, destination: Atom): Omit<VerdictPart, keyof FlowVerdict | 'services'> {
  return {
    from: source.label,
    to: destination.label,
    sources: source.principals,
    destinations: destination.principals,
    fromAddresses: source.addresses,
    toAddresses: destination.addresses,
  };
}

type QuerySide = { readonly class: string } | { readonly addresses: AddressSet };

interface Atom {
  readonly label: string;
  /** Null: a device, which may have either. */
  readonly family: Family | null;
  readonly addresses: AddressSet | null;
  readonly principals: ReadonlySet<string>;
}

function readSide(snapshot: Snapshot, name: string, report: Report): QuerySide | null {
  if (indexOf(snapshot).classes.has(name)) return { class: name };
  const endpoint = snapshot.endpoints.find((endpoint) => endpoint.name === name);
  if (endpoint) return { addresses: endpoint.addresses };
  const address = parseAddress(name);
  if (address)
    return { addresses: addressSet([{ family: address.family, first: address.value, last: address.value }]) };
  const names = [...snapshot.classes, ...snapshot.endpoints].map((known) => known.name);
  report.add(
    'unknown-name',
    null,
    `\`${name}\` is no class, endpoint or address`,
    didYouMean(name, names, 'see catalog/classes.yaml and catalog/endpoints.yaml'),
  );
  return null;
}

function readServices(snapshot: Snapshot, name: string, report: Report): ServiceSet | null {
  const known = indexOf(snapshot).services.get(name);
  if (known) return known;
  const service = parseService(name);
  if (service) return [service];
  const names = snapshot.applications.map((application) => application.name);
  report.add(
    'unknown-name',
    null,
    `\`${name}\` is no application and no port`,
    didYouMean(name, names, 'write tcp/443 or see catalog/applications.yaml'),
  );
  return null;
}

const knownAtoms = new WeakMap<Snapshot, Map<string, readonly Atom[]>>();

function atomsOf(snapshot: Snapshot, name: string, side: QuerySide): readonly Atom[] {
  const known = knownAtoms.get(snapshot) ?? new Map<string, readonly Atom[]>();
  knownAtoms.set(snapshot, known);
  const before = known.get(name);
  if (before) return before;
  const found = atoms(snapshot, side);
  // Names of the policy only: addresses that people ask for would pile up.
  if (parseAddress(name) === null) known.set(name, found);
  return found;
}

/** Splits a side where the set of endpoints that contain an address changes. */
function atoms(snapshot: Snapshot, side: QuerySide): Atom[] {
  if ('class' in side) {
    const principals = new Set(indexOf(snapshot).classes.get(side.class));
    return [{ label: side.class, family: null, addresses: null, principals }];
  }
  const touching = snapshot.endpoints
    .map(({ name, addresses }) => ({ name, addresses: intersectAddresses(addresses, side.addresses) }))
    .filter(({ addresses }) => !isEmptyAddressSet(addresses));
  const found = new Map<string, { family: Family; names: string[]; ranges: AddressRange[] }>();
  for (const family of families) {
    const lists = [familyOf(side.addresses, family), ...touching.map(({ addresses }) => familyOf(addresses, family))];
    for (const { first, last, members } of sweep(lists, 1n)) {
      const names = members.filter((i) => i > 0).map((i) => touching[i - 1]!.name);
      const key = `${family} ${names.join(' ')}`;
      const range = { family, first, last };
      const cell = found.get(key);
      if (cell) cell.ranges.push(range);
      else found.set(key, { family, names, ranges: [range] });
    }
  }
  return [...found.values()].map(({ family, names, ranges }) => ({
    label: formatAddress({ family, value: ranges[0]!.first }),
    family,
    addresses: addressSet(ranges),
    principals: new Set(names),
  }));
}

function judgeServices(
  snapshot: Snapshot,
  source: Atom,
  destination: Atom,
  family: Family | null,
  asked: ServiceSet,
): VerdictPart[] {
  const index = indexOf(snapshot);
  const relevant = [...source.principals].flatMap((subject) =>
    (index.bySubject.get(subject) ?? []).filter(({ object }) => destination.principals.has(object)),
  );
  if (relevant.length === 0) {
    const services = withoutOtherFamily(asked, family);
    return services.length > 0 ? [{ ...noRule, ...endsOf(source, destination), services }] : [];
  }
  const lists = [
    asked,
    ...relevant.map(({ application }) => serviceAlgebra.intersect(index.services.get(application) ?? [], asked)),
  ];
  const parts = new Map<string, { first: number; last: number }[]>();
  for (const { first, last, members } of sweep(lists, 1)) {
    const key = members.join(' ');
    const found = parts.get(key);
    if (found) found.push({ first, last });
    else parts.set(key, [{ first, last }]);
  }
  return [...parts.values()].flatMap((found) => {
    const services = withoutOtherFamily(found, family);
    const at = services[0]?.first;
    if (at === undefined) return [];
    const verdict = decideBy(index, source.principals, destination.principals, (set) =>
      serviceAlgebra.contains(set, at),
    );
    return [{ ...verdict, ...endsOf(source, destination), services }];
  });
}

/** ICMP exists in IPv4 only, ICMPv6 in IPv6 only. */
function withoutOtherFamily(services: ServiceSet, family: Family | null): ServiceSet {
  if (family === null) return serviceAlgebra.normalize(services);
  const other = family === 4 ? protocols.icmp6 : protocols.icmp;
  return serviceAlgebra.subtract(serviceAlgebra.normalize(services), [
    { first: other * 0x1_0000, last: other * 0x1_0000 + 0xffff },
  ]);
}
