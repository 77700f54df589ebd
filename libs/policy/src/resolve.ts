import { addressSet, noAddresses, rangesOf, serviceAlgebra, type AddressSet, type ServiceSet } from '#net';
import type { Policy } from './policy.js';

/** What an endpoint or a group of them stands for: the union over its members. Classes have no fixed addresses. */
export function addressesOf(policy: Policy, name: string): AddressSet {
  const members = policy.principalTree.members(name);
  const own = members.map((member) => policy.endpoints.get(member)?.addresses ?? noAddresses);
  return own.length === 1 ? own[0]! : addressSet(own.flatMap(rangesOf));
}

export function servicesOf(policy: Policy, name: string): ServiceSet {
  const members = policy.applicationTree.members(name);
  return serviceAlgebra.normalize(members.flatMap((member) => policy.applications.get(member)?.services ?? []));
}
