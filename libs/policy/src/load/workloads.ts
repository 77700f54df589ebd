import { kubernetesNamespaces } from '#model';
import type { Report } from '../codes.js';
import type { WorkloadSource } from '../policy.js';
import type { EnforcementPointEntry } from '../snapshot.js';
import { workloadKey } from '../workloads.js';
import type { DeclaredWorkload } from './catalog.js';
import { didYouMean } from './suggest.js';

/** Finds the cluster of each service. A service without one is left out, the report says why. */
export function placeWorkloads(
  declared: readonly DeclaredWorkload[],
  points: readonly EnforcementPointEntry[],
  report: Report,
): WorkloadSource[] {
  const clusters = new Map(points.filter(({ driver }) => driver === 'kubernetes').map((point) => [point.name, point]));
  const seen = new Map<string, string>();
  return declared.flatMap((workload) => {
    const { endpoint, namespace, service, span } = workload;
    const point = clusterOf(workload, clusters, report);
    if (!point) return [];
    const placed = { ...workload, cluster: point.name };
    if (!kubernetesNamespaces(point.options).includes(namespace)) {
      const summary = `\`${endpoint}\` is in namespace \`${namespace}\`, which \`${point.name}\` does not look after`;
      const hint = 'name it in the option `namespaces` of the point, and give the service account its rights there';
      report.add('workload-namespace', span, summary, hint);
    }
    const other = seen.get(workloadKey(placed));
    if (other === undefined) seen.set(workloadKey(placed), endpoint);
    else {
      const summary = `\`${endpoint}\` is the service \`${namespace}/${service}\`, and so is \`${other}\``;
      report.add(
        'workload-duplicate',
        span,
        summary,
        'rules for the same pods would add up: make one endpoint of them',
      );
    }
    return [placed];
  });
}

function clusterOf(
  { endpoint, cluster, span }: DeclaredWorkload,
  clusters: ReadonlyMap<string, EnforcementPointEntry>,
  report: Report,
): EnforcementPointEntry | null {
  const names = [...clusters.keys()];
  if (cluster !== null) {
    const found = clusters.get(cluster) ?? null;
    const hint = didYouMean(cluster, names, 'name an enforcement point with `driver: kubernetes`');
    if (!found) report.add('unknown-name', span, `\`${cluster}\` is no enforcement point with driver kubernetes`, hint);
    return found;
  }
  if (names.length === 1) return clusters.get(names[0]!)!;
  const summary = names.length === 0 ? 'no enforcement point is a cluster' : `${names.join(', ')} are clusters`;
  const hint =
    names.length === 0
      ? 'add the cluster to network/enforcement-points.yaml, with `driver: kubernetes`'
      : `write \`cluster: NAME\`, one of ${names.join(', ')}`;
  report.add('workload-cluster', span, `\`${endpoint}\` is a service, and ${summary}`, hint);
  return null;
}
