/** The parts of Kubernetes' objects that this driver writes or looks at, in the API's own words. */

export interface NetworkPolicy {
  readonly apiVersion: 'networking.k8s.io/v1';
  readonly kind: 'NetworkPolicy';
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly { readonly from: readonly PolicyPeer[]; readonly ports?: readonly PolicyPort[] }[];
    readonly egress?: readonly { readonly to: readonly PolicyPeer[]; readonly ports?: readonly PolicyPort[] }[];
  };
}

export interface PolicyPeer {
  readonly ipBlock: { readonly cidr: string; readonly except?: readonly string[] };
}

/** Without `port`: all of the protocol's. */
export interface PolicyPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port?: number;
  readonly endPort?: number;
}

export interface Service {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly type?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly externalTrafficPolicy?: string;
    readonly ports?: readonly {
      readonly protocol?: string;
      readonly port: number;
      readonly targetPort?: number | string;
    }[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/**
 * What stands on a cluster, or should. `remove`: this is a change of these objects alone, which also takes those away
 * (`NAMESPACE/NAME`); without it, this is all that there should be.
 */
export interface ClusterText {
  readonly apiVersion: 'v1';
  readonly kind: 'List';
  readonly items: readonly (Service | NetworkPolicy)[];
  readonly remove?: readonly string[];
}

export const isPolicy = (item: Service | NetworkPolicy): item is NetworkPolicy => item.kind === 'NetworkPolicy';
export const keyOf = ({
  metadata,
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string => `${metadata.namespace}/${metadata.name}`;
