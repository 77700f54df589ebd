import type { Diagnostic } from '#base';
import type { Workload } from '#model';
import {
  addressSet,
  formatRange,
  intersectAddresses,
  isEmptyAddressSet,
  rangesOf,
  subtractAddresses,
  type AddressSet,
} from '#net';
import { Report } from './codes.js';
import type { EndpointSource, Policy, WorkloadSource } from './policy.js';
import { addressesOf } from './resolve.js';
import type { Snapshot, WorkloadPlace } from './snapshot.js';

/** Services by `workloadKey` → where their cluster says that they are. One that is not in it is not known. */
export type KnownWorkloads = ReadonlyMap<string, AddressSet>;

export const noWorkloads: KnownWorkloads = new Map();

/** `CLUSTER/NAMESPACE/SERVICE` */
export const workloadKey = ({ cluster, namespace, service }: WorkloadPlace): string =>
  `${cluster}/${namespace}/${service}`;

/**
 * The policy with the addresses of its services. All that is asked of a policy is asked of this one: what it compiles to, whether its tests
 * hold, what is found in it. Without a cluster to ask it is the policy itself, where such an endpoint has the addresses of the catalog.
 *
 * INVARIANT: an address of a device segment is never taken. It tells a device; whoever may write services in the cluster would decide
 * about devices.
 */
export function locateWorkloads(
  policy: Policy,
  known: KnownWorkloads,
): { readonly policy: Policy; readonly diagnostics: readonly Diagnostic[] } {
  const located = policy.workloads.filter((workload) => known.has(workloadKey(workload)));
  if (located.length === 0) return { policy, diagnostics: [] };
  const report = new Report();
  const ofDevices = addressSet(
    [...policy.segments.values()].flatMap(({ sites }) => sites.flatMap(({ prefixes }) => rangesOf(prefixes))),
  );
  const endpoints = new Map<string, EndpointSource>(policy.endpoints);
  for (const workload of located) {
    const told = known.get(workloadKey(workload))!;
    reportDevices(workload, intersectAddresses(told, ofDevices), report);
    const own = endpoints.get(workload.endpoint)!;
    const taken = rangesOf(subtractAddresses(told, ofDevices));
    endpoints.set(own.name, { ...own, addresses: addressSet([...rangesOf(own.addresses), ...taken]) });
  }
  return { policy: { ...policy, endpoints }, diagnostics: report.diagnostics };
}

function reportDevices({ endpoint, cluster, span }: WorkloadSource, shared: AddressSet, report: Report): void {
  if (isEmptyAddressSet(shared)) return;
  const summary = `\`${cluster}\` says that \`${endpoint}\` is at ${rangesOf(shared).map(formatRange).join(', ')}, where devices are`;
  report.add('workload-in-segment', span, summary, 'correct the service, or the prefixes of the segment');
}

/** What it stands for is told by clusters, and none has told any address. */
export function isUnlocated(policy: Pick<Policy, 'workloads' | 'endpoints' | 'principalTree'>, name: string): boolean {
  const { workloads, principalTree } = policy;
  if (workloads.length === 0 || !isEmptyAddressSet(addressesOf(policy, name))) return false;
  return workloads.some(({ endpoint }) => principalTree.belongs(endpoint, name));
}

/** The services that a cluster must know: those of the endpoints that are in it. */
export function workloadsOf(snapshot: Pick<Snapshot, 'endpoints'>, point: string): readonly Workload[] {
  return snapshot.endpoints.flatMap(({ name, addresses, kubernetes }) =>
    kubernetes?.cluster === point
      ? [{ endpoint: name, namespace: kubernetes.namespace, service: kubernetes.service, addresses }]
      : [],
  );
}
