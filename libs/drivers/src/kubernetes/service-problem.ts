import type { Service } from './objects.js';

/**
 * Why NetworkPolicies can't say what policy says of this service; null when they can. What is wrong here is wrong in the cluster, and
 * only its admins can put it right.
 */
export function problemOf({
  spec,
}: {
  readonly spec: Service['spec'] | Readonly<Record<string, unknown>>;
}): string | null {
  const {
    type = 'ClusterIP',
    selector = {},
    externalIPs = [],
    externalTrafficPolicy,
    clusterIP,
    ports = [],
  } = spec as Service['spec'];
  if (type === 'ExternalName') return 'it is a name for something outside the cluster (ExternalName) and has no pods';
  if (Object.keys(selector).length === 0) return 'it has no selector, so nothing says which pods are its own';
  const isOpenedOutside = type === 'NodePort' || type === 'LoadBalancer' || externalIPs.length > 0;
  if (isOpenedOutside && externalTrafficPolicy !== 'Local')
    return 'nodes hide who sends to it: set externalTrafficPolicy to Local, else pods see the address of a node, which is out of scope, and let everybody in';
  if (clusterIP === 'None') return null;
  const mapped = ports.find(({ port, targetPort = port }) => targetPort !== port);
  if (mapped)
    return `its port ${mapped.port} is ${mapped.targetPort} at the pods: policy has one number for it at the firewall and in the cluster, so make targetPort ${mapped.port}`;
  return null;
}
