import { compareText } from '#base';
import {
  formatRange,
  formatServices,
  intersectAddresses,
  isEmptyAddressSet,
  rangesOf,
  serviceAlgebra,
  type AddressSet,
  type ServiceSet,
} from '#net';
import type { Posture } from '#model';
import {
  normalForm,
  type AccessGrant,
  type DirectionFlows,
  type PeerRegion,
  type RuleBox,
  type Snapshot,
} from '#policy';

/** Devices of a class that move to another segment. Null: rejected. */
export interface AccessChange {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  readonly before: Placement | null;
  readonly after: Placement | null;
}

export interface Placement {
  readonly segment: string;
  readonly vlan: number;
  readonly role: string;
}

/** Connections that a policy change opens or closes for a class, exactly: `far` × `services`. */
export interface FlowChange {
  readonly class: string;
  readonly direction: 'outbound' | 'inbound';
  readonly change: 'opened' | 'closed';
  /** The far side by the policy's names where it has some. */
  readonly far: string;
  readonly addresses: readonly string[];
  readonly services: string;
}

export interface PolicyDiff {
  readonly access: readonly AccessChange[];
  readonly flows: readonly FlowChange[];
}

/** What changes between two snapshots for devices: access and flows, whatever lines moved. */
export function diffSnapshots(before: Snapshot, after: Snapshot): PolicyDiff {
  return { access: diffAccess(before, after), flows: diffFlows(before, after) };
}

export function isEmptyDiff({ access, flows }: PolicyDiff): boolean {
  return access.length === 0 && flows.length === 0;
}

function diffAccess(before: Snapshot, after: Snapshot): AccessChange[] {
  const key = ({ class: device, site, posture }: AccessGrant): string => `${device} ${site} ${posture}`;
  const old = new Map(before.accessTable.map((grant) => [key(grant), grant]));
  const now = new Map(after.accessTable.map((grant) => [key(grant), grant]));
  const changes: AccessChange[] = [];
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const was = placementOf(old.get(name));
    const is = placementOf(now.get(name));
    if (was?.segment === is?.segment && was?.vlan === is?.vlan && was?.role === is?.role) continue;
    const { class: device, site, posture } = (now.get(name) ?? old.get(name))!;
    changes.push({ class: device, site, posture, before: was, after: is });
  }
  return changes.sort(
    (a, b) => compareText(a.class, b.class) || compareText(a.site, b.site) || compareText(a.posture, b.posture),
  );
}

function placementOf(grant: AccessGrant | undefined): Placement | null {
  return grant ? { segment: grant.segment, vlan: grant.vlan, role: grant.role } : null;
}

const nothing: DirectionFlows = { allowed: [], denied: [], peersAllowed: [], peersDenied: [] };

function diffFlows(before: Snapshot, after: Snapshot): FlowChange[] {
  const changes: FlowChange[] = [];
  const classes = [...new Set([...Object.keys(before.flows), ...Object.keys(after.flows)])].sort(compareText);
  for (const name of classes) {
    for (const direction of ['outbound', 'inbound'] as const) {
      const was = before.flows[name]?.[direction] ?? nothing;
      const is = after.flows[name]?.[direction] ?? nothing;
      for (const part of minus(is, was))
        changes.push({ class: name, direction, change: 'opened', ...describe(part, after) });
      for (const part of minus(was, is))
        changes.push({ class: name, direction, change: 'closed', ...describe(part, before) });
    }
  }
  return changes;
}

interface Part {
  readonly addresses: AddressSet | null;
  readonly peer: string | null;
  readonly services: ServiceSet;
}

/** What `a` allows and `b` does not. */
function minus(a: DirectionFlows, b: DirectionFlows): Part[] {
  const boxes: RuleBox[] = [
    ...a.allowed.map(({ addresses, services }): RuleBox => ({ id: 'a', effect: 'allow', addresses, services })),
    ...b.allowed.map(({ addresses, services }): RuleBox => ({ id: 'b', effect: 'deny', addresses, services })),
  ];
  const fixed = normalForm(boxes).allowed.map(({ addresses, services }): Part => ({ addresses, peer: null, services }));
  const peers = [...new Set(a.peersAllowed.map(({ peer }) => peer))].flatMap((peer): Part[] => {
    const services = serviceAlgebra.subtract(servicesTo(a.peersAllowed, peer), servicesTo(b.peersAllowed, peer));
    return services.length > 0 ? [{ addresses: null, peer, services }] : [];
  });
  return [...fixed, ...peers];
}

function servicesTo(regions: readonly PeerRegion[], peer: string): ServiceSet {
  return serviceAlgebra.normalize(
    regions.filter((region) => region.peer === peer).flatMap(({ services }) => [...services]),
  );
}

function describe(
  { addresses, peer, services }: Part,
  snapshot: Snapshot,
): Pick<FlowChange, 'far' | 'addresses' | 'services'> {
  const text = formatServices(services);
  if (!addresses) return { far: peer ?? '', addresses: [], services: text };
  const ranges = rangesOf(addresses).map(formatRange);
  return {
    far: nameAddresses(addresses, snapshot) ?? ranges.slice(0, 3).join(', '),
    addresses: ranges,
    services: text,
  };
}

/** The policy's own names for a set: the endpoint that is exactly it, else the endpoints that it touches. */
function nameAddresses(addresses: AddressSet, snapshot: Snapshot): string | null {
  const key = rangesOf(addresses).map(formatRange).join();
  const exact = snapshot.endpoints.find((endpoint) => rangesOf(endpoint.addresses).map(formatRange).join() === key);
  if (exact) return exact.name;
  const size = (set: AddressSet): bigint => rangesOf(set).reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  const touched = snapshot.endpoints
    .filter((endpoint) => !isEmptyAddressSet(intersectAddresses(endpoint.addresses, addresses)))
    .filter((endpoint) => size(endpoint.addresses) <= size(addresses))
    .map(({ name }) => name);
  if (touched.length === 0) return null;
  return touched.length > 4 ? `${touched.slice(0, 4).join(', ')} and ${touched.length - 4} more` : touched.join(', ');
}
