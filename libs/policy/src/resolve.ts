import {
  AddressPartition,
  addressSet,
  noAddresses,
  rangesOf,
  serviceAlgebra,
  type AddressSet,
  type AtomSet,
  type ServiceSet,
} from '#net';
import type { Policy } from './policy.js';

/** What names stand for. */
type Names = Pick<Policy, 'endpoints' | 'applications' | 'segments' | 'principalTree' | 'applicationTree'>;

/** What an endpoint or a group of them stands for: the union over its members. Classes have no fixed addresses. */
export function addressesOf(policy: Pick<Names, 'endpoints' | 'principalTree'>, name: string): AddressSet {
  const members = policy.principalTree.members(name);
  const own = members.map((member) => policy.endpoints.get(member)?.addresses ?? noAddresses);
  return own.length === 1 ? own[0]! : addressSet(own.flatMap(rangesOf));
}

export function servicesOf(policy: Pick<Names, 'applications' | 'applicationTree'>, name: string): ServiceSet {
  const members = policy.applicationTree.members(name);
  return serviceAlgebra.normalize(members.flatMap((member) => policy.applications.get(member)?.services ?? []));
}

/**
 * The names of a policy resolved to what the wire knows, each once: a name's set is always the same object. Addresses are
 * cut where any endpoint or segment of the policy begins or ends.
 */
export class Resolution {
  readonly partition: AddressPartition;
  private readonly places: ReadonlyMap<string, number>;
  private readonly segments: ReadonlyMap<string, readonly { readonly place: number }[]>;
  private readonly atoms = new Map<string, AtomSet>();
  private readonly services = new Map<string, ServiceSet>();

  constructor(private readonly policy: Names) {
    const endpoints = [...policy.endpoints.values()];
    const segments = [...policy.segments.values()].flatMap(({ name, sites }) =>
      sites.map(({ prefixes }) => ({ name, prefixes })),
    );
    this.places = new Map(endpoints.map(({ name }, i) => [name, i]));
    this.segments = Map.groupBy(
      segments.map(({ name }, i) => ({ name, place: endpoints.length + i })),
      ({ name }) => name,
    );
    this.partition = new AddressPartition([
      ...endpoints.map(({ addresses }) => addresses),
      ...segments.map(({ prefixes }) => prefixes),
    ]);
  }

  /** Of an endpoint or a group. */
  atomsOf(name: string): AtomSet {
    let found = this.atoms.get(name);
    if (!found) {
      const own = this.policy.principalTree.members(name).flatMap((member) => {
        const place = this.places.get(member);
        return place === undefined ? [] : [this.partition.atomsOf(place)];
      });
      found = own.length === 1 ? own[0]! : serviceAlgebra.normalize(own.flat());
      this.atoms.set(name, found);
    }
    return found;
  }

  /** Of a segment at all its sites. */
  atomsOfSegment(name: string): AtomSet {
    const places = this.segments.get(name) ?? [];
    return serviceAlgebra.normalize(places.flatMap(({ place }) => [...this.partition.atomsOf(place)]));
  }

  addressesOf(name: string): AddressSet {
    return this.partition.union(this.atomsOf(name));
  }

  servicesOf(name: string): ServiceSet {
    let found = this.services.get(name);
    if (!found) {
      found = servicesOf(this.policy, name);
      this.services.set(name, found);
    }
    return found;
  }
}
